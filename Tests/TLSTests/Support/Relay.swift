import Runtime
import TestSupport
import Testing

/// A relay that can cut both ways at once, or change the next byte: an attacker on the wire. Without a target it only accepts.
final class Relay: Sendable {
    let address: SocketAddress
    private let target: SocketAddress?
    private let descriptors = AsyncChannel<FileDescriptor>(capacity: 8)
    private let ends = Locked<[Connection]>([])
    private let spoils = Locked(false)

    init(to target: SocketAddress?) async throws {
        self.target = target
        let descriptor = try Listener.socket(on: .ipv4(host: "127.0.0.1", port: 0))
        address = try #require(try SocketAddress.local(of: descriptor))
        let loop = TestLoops.other
        try await spawn(on: loop, "relay") { [self] in try await listen(descriptor, isolation: loop.actor) }.value
    }

    /// The next accepted socket, where there is no target.
    func accepted() async throws -> FileDescriptor { try #require(try await descriptors.receive()) }

    /// Ends both directions in an orderly way, as far as TCP goes.
    func endBoth() { ends.withLock { for end in $0 { end.close() } } }

    /// Changes the last byte of the next piece that goes to the target.
    func spoil() { spoils.withLock { $0 = true } }

    private func listen(_ descriptor: CInt, isolation: isolated LoopActor) async throws {
        _ = try Listener(adopting: descriptor, on: isolation.loop) { [self] accepted in
            if target == nil {
                descriptors.trySend(FileDescriptor(owning: accepted))
            } else {
                spawn(on: TestLoops.other, "relayed") { try await self.relay(accepted) }
            }
        }
    }

    private func relay(_ descriptor: CInt) async throws {
        guard let target else { return }
        let near = Connection(adopting: descriptor, on: TestLoops.other)
        let far = try await Connection.connect(to: target, on: TestLoops.other)
        ends.withLock { $0 += [near, far] }
        spawn(on: TestLoops.other, "back") {
            while let bytes = try await far.read() { try await near.write(bytes) }
            try await near.shutdownWrite()
        }
        while var bytes = try await near.read() {
            let spoiled = spoils.withLock { spoils in
                defer { spoils = false }
                return spoils
            }
            if spoiled { bytes[bytes.count - 1] ^= 1 }
            try await far.write(bytes)
        }
        try await far.shutdownWrite()
    }
}
