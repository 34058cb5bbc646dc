import Runtime
import TestSupport

/// Stands between a client and an HTTP/2 server and knows where frames end: it can cut the way after a number of them.
final class FrameRelay: Sendable {
    /// Which way frames go.
    enum Way: String, Sendable, CaseIterable {
        case toServer, toClient
    }

    /// Where the way is cut, once.
    private struct Cut {
        var way: Way
        var left: Int
    }

    private struct State {
        var cut: Cut?
        var frames: [Way: Int] = [:]
        var pairs: [Connection] = []
    }

    /// What the client connects to.
    let endpoint: String
    private let state = Locked(State())
    private let listener: FDListener
    private let loop = TestLoops.other
    private let target: SocketAddress
    private let acceptor = Locked<Task<Void, any Error>?>(nil)

    init(to target: SocketAddress) throws {
        self.target = target
        let descriptor = try Listener.socket(on: .ipv4(host: "127.0.0.1", port: 0))
        let port = try SocketAddress.local(of: descriptor)?.port ?? 0
        endpoint = "http://127.0.0.1:\(port)"
        listener = FDListener(adopting: descriptor, on: loop)
        let task = spawn(on: loop, "frame relay") { [weak self, listener] in
            while let client = try? await listener.acceptDescriptor() { self?.serve(client) }
        }
        acceptor.withLock { $0 = task }
    }

    /// Frames that have gone a way so far.
    func frames(_ way: Way) -> Int { state.withLock { $0.frames[way] ?? 0 } }

    /// Cuts the connection after so many more frames of a way have gone through; 0 before the next one.
    func cut(_ way: Way, after count: Int) { state.withLock { $0.cut = Cut(way: way, left: count) } }

    /// Whether the cut was made.
    var hasCut: Bool { state.withLock { $0.cut == nil } }

    func stop() {
        listener.close()
        acceptor.withLock { $0?.cancel() }
        for connection in state.withLock({ $0.pairs }) { connection.reset() }
    }

    private func serve(_ client: CInt) {
        let near = Connection(adopting: client, on: loop)
        spawn(on: loop, "relayed frames") { [loop, target] in
            guard let far = try? await Connection.connect(to: target, on: loop) else { return near.reset() }
            self.state.withLock { $0.pairs += [near, far] }
            spawn(on: loop, "frames back") { await self.copy(far, near, .toClient) }
            await self.copy(near, far, .toServer)
        }
    }

    private func copy(_ source: Connection, _ target: Connection, _ way: Way) async {
        // The client's greeting comes before its first frame.
        var greeting = way == .toServer ? 24 : 0
        var buffer: [UInt8] = []
        while let bytes = try? await source.read() {
            buffer += bytes
            while let size = Self.whole(buffer, greeting) {
                guard permit(way, countsFrame: greeting == 0) else {
                    source.reset()
                    return target.reset()
                }
                do { try await target.write(Array(buffer.prefix(size))) } catch { return source.reset() }
                buffer.removeFirst(size)
                greeting = 0
            }
        }
        target.close()
    }

    /// The size of the first frame, if all of it is there.
    private static func whole(_ buffer: [UInt8], _ greeting: Int) -> Int? {
        if greeting > 0 { return buffer.count >= greeting ? greeting : nil }
        guard buffer.count >= 9 else { return nil }
        let size = 9 + (Int(buffer[0]) << 16 | Int(buffer[1]) << 8 | Int(buffer[2]))
        return buffer.count >= size ? size : nil
    }

    private func permit(_ way: Way, countsFrame: Bool) -> Bool {
        state.withLock { state in
            guard countsFrame else { return true }
            if let cut = state.cut, cut.way == way {
                if cut.left == 0 {
                    state.cut = nil
                    return false
                }
                state.cut?.left -= 1
            }
            state.frames[way, default: 0] += 1
            return true
        }
    }
}
