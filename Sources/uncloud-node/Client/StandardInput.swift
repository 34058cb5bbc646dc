internal import CLinux
internal import Glibc
internal import Runtime

/// Standard input, whatever it is, as a channel: a thread of its own reads it, since files, pipes and terminals alike
/// can be read by blocking only.
///
/// The channel ends at the end of input. The thread may stay in its last read until the process ends.
struct StandardInput: Sendable {
    let bytes = AsyncChannel<[UInt8]>(capacity: 16)
    private let executor: BlockingExecutor

    init(on loop: EventLoop) {
        let executor = BlockingExecutor(label: "stdin")
        let channel = bytes
        self.executor = executor
        spawn(on: loop, "standard input") {
            defer { channel.finish() }
            while !Task.isCancelled {
                let chunk = try await executor.run { Self.readOnce() }
                guard !chunk.isEmpty else { return }
                try await channel.send(chunk)
            }
        }
    }

    /// Empty at the end and on an error, which for a reader is the same.
    private static func readOnce() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = buffer.withUnsafeMutableBytes { cl_read(0, $0.baseAddress, $0.count) }
            if count == -Int(EAGAIN) {
                var descriptor = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
                poll(&descriptor, 1, -1)
                continue
            }
            return count > 0 ? Array(buffer[..<count]) : []
        }
    }
}
