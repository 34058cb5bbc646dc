package import JSON
package import Runtime

/// One end of the connection between daemon and net-helper: whole frames with their descriptors, in order, both ways.
///
/// Sending never interleaves: frames go through one queue. One receiver at a time.
package final class HelperLink: Sendable {
    /// A frame to send; the descriptors are closed when it is sent if they are `owned`.
    private struct Outgoing: Sendable {
        var bytes: [UInt8]
        var descriptors: [Int32]
        var owned: [FileDescriptor]
    }

    private let socket: FDSocket
    private let loop: EventLoop
    private let outbox = AsyncChannel<Outgoing>(capacity: 256)
    private let inbox: HelperInbox
    private let writer: Task<Void, any Error>

    /// Takes the socket over and begins to send what is queued.
    package init(_ socket: FDSocket, on loop: EventLoop) {
        self.socket = socket
        self.loop = loop
        inbox = HelperInbox(loop: loop)
        let outbox = outbox
        writer = spawn(on: loop, "net-helper link") {
            do {
                while let next = try await outbox.receive() {
                    try await socket.send(next.bytes, descriptors: next.descriptors)
                    for descriptor in next.owned { descriptor.close() }
                }
            } catch {
                outbox.finish()
            }
            socket.close()
        }
    }

    /// Queues a frame. The descriptors must stay open until it is sent: those that may not are given as `owned`.
    ///
    /// - Throws: `HelperFailure` `helper.closed`; `CancellationError` while the queue is full.
    package func send(_ frame: JSONValue, descriptors: [Int32] = [], owned: [FileDescriptor] = []) async throws {
        var frame = frame
        let all = descriptors + owned.map(\.number)
        if !all.isEmpty { frame["fds"] = .int(Int64(all.count)) }
        do {
            try await outbox.send(Outgoing(bytes: HelperFrameReader.encode(frame), descriptors: all, owned: owned))
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw HelperFailure.closed("\(error)")
        }
    }

    /// Queues a frame if there is room, and drops it if not.
    package func offer(_ frame: JSONValue) -> Bool {
        outbox.trySend(Outgoing(bytes: HelperFrameReader.encode(frame), descriptors: [], owned: []))
    }

    /// The next frame; nil at the end.
    ///
    /// - Throws: `HelperFailure` `helper.protocol`; what the socket throws.
    package func receive() async throws -> (frame: JSONValue, descriptors: [FileDescriptor])? {
        while true {
            if let next = try await inbox.next() { return next }
            guard let part = try await socket.receive() else { return nil }
            await inbox.append(part.bytes, part.descriptors)
        }
    }

    /// Sends what is queued, and closes.
    package func finish() async {
        outbox.finish()
        _ = try? await writer.value
    }

    /// Closes at once.
    package func close() {
        outbox.finish()
        socket.close()
    }
}

/// What has come in and is not yet a whole frame.
private actor HelperInbox {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private var reader = HelperFrameReader()
    private var descriptors: [FileDescriptor] = []

    init(loop: EventLoop) { self.loop = loop }

    func append(_ bytes: [UInt8], _ fds: [FileDescriptor]) {
        reader.append(bytes)
        descriptors += fds
    }

    func next() throws(HelperFailure) -> (frame: JSONValue, descriptors: [FileDescriptor])? {
        guard let frame = try reader.next() else { return nil }
        let count = Int(frame["fds"]?.intValue ?? 0)
        guard count >= 0, count <= descriptors.count else {
            throw HelperFailure(code: "helper.protocol", message: "a frame came without its descriptors")
        }
        let own = Array(descriptors[..<count])
        descriptors.removeFirst(count)
        return (frame, own)
    }
}
