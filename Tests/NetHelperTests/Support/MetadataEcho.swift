import CLinux
import Runtime
import TestSupport

/// A metadata service that answers every connection with the mark it carries, in hex.
final class MetadataEcho: Sendable {
    private let sources: [PollSource]

    /// Serves the listening sockets, which become its own.
    init(_ listeners: [Int32], on loop: EventLoop = TestLoops.loop) {
        sources = listeners.map { PollSource($0, on: loop, closesDescriptor: true) }
        for (source, listener) in zip(sources, listeners) {
            source.onReadable {
                while true {
                    let accepted = cl_accept4(listener)
                    guard accepted >= 0 else { return }
                    Self.answer(accepted, on: loop)
                }
            }
        }
    }

    private static func answer(_ socket: Int32, on loop: EventLoop) {
        var mark: UInt32 = 0
        _ = cl_socket_mark(socket, &mark)
        let text = String(mark, radix: 16)
        let connection = Connection(adopting: socket, on: loop)
        spawn(on: loop, "metadata echo") {
            _ = try await connection.read()
            try await connection.write(Array("HTTP/1.0 200 OK\r\n\r\n\(text)".utf8))
            try await connection.shutdownWrite()
            while try await connection.read() != nil {}
            connection.close()
        }
    }

    func close() { for source in sources { source.close() } }
}
