package import Model
package import Runtime

/// Hands out MAC addresses of this host's range and keeps count of those in use or at rest.
///
/// An address handed out is a candidate: it becomes a VM's when the transaction that creates its key (`macs/<mac>`)
/// commits. Requests come over a bounded channel and are answered in their order.
package actor MACAllocator {
    /// How long a freed address rests, in seconds: longer than neighbour tables of switches and guests remember.
    package static let quarantineSeconds: Int64 = 3600

    private enum Request: Sendable {
        case take(reply: AsyncChannel<MACAddress?>)
        case giveBack(MACAddress)
        case changed(MACAddress, MACRecord?)
    }

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private var pool: MACPool
    private nonisolated let inbox = AsyncChannel<Request>(capacity: 256)
    private let clock: NodeClock

    package init(pool: MACPool, claims: [MACAddress: MACRecord], loop: EventLoop, clock: NodeClock) {
        self.pool = pool
        self.loop = loop
        self.clock = clock
        for (mac, record) in claims { Self.note(mac, record, in: &self.pool) }
    }

    /// Answers requests until the inbox is finished; started once by the node.
    package func run() async {
        while let request = try? await inbox.receive() {
            switch request {
            case .take(let reply): _ = reply.trySend(pool.take(now: clock.unixSeconds()))
            case .giveBack(let mac): pool.giveBack(mac)
            case .changed(let mac, let record): Self.note(mac, record, in: &pool)
            }
        }
    }

    /// A candidate address.
    ///
    /// - Throws: `ProblemError` `mac.exhausted` when every address of the range is in use or at rest.
    package nonisolated func take() async throws -> MACAddress {
        let reply = AsyncChannel<MACAddress?>(capacity: 1)
        try await inbox.send(.take(reply: reply))
        guard let answer = try await reply.receive(), let mac = answer else {
            throw ProblemError(
                status: 507, code: "mac.exhausted", title: "No MAC address is left",
                detail: "exhausted all possible MAC addresses of this host",
                fix: "free some by deleting VMs; a freed address rests for an hour", retryable: true)
        }
        return mac
    }

    /// Gives back a candidate that no transaction used.
    package nonisolated func giveBack(_ mac: MACAddress) async {
        try? await inbox.send(.giveBack(mac))
    }

    /// The store's key of an address changed; nil: it is gone.
    package nonisolated func changed(_ mac: MACAddress, _ record: MACRecord?) async {
        try? await inbox.send(.changed(mac, record))
    }

    package nonisolated func stop() {
        inbox.finish()
    }

    private static func note(_ mac: MACAddress, _ record: MACRecord?, in pool: inout MACPool) {
        guard let record else { return pool.giveBack(mac) }
        guard let until = restsUntil(record) else { return pool.markTaken(mac) }
        pool.rest(mac, until: until)
    }

    /// When the address of this record may be used again, in seconds since 1970; nil while it is in use.
    package static func restsUntil(_ record: MACRecord) -> Int64? {
        record.freed.map { (Timestamp.unixMilliseconds($0) ?? 0) / 1000 + quarantineSeconds }
    }
}
