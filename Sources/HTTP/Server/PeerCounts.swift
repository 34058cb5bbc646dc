/// How many connections each peer has.
struct PeerCounts {
    private var counts: [UInt64: Int] = [:]

    subscript(peer: UInt64) -> Int { counts[peer] ?? 0 }

    mutating func add(_ peer: UInt64) { counts[peer, default: 0] += 1 }

    /// A peer without connections leaves nothing behind.
    mutating func remove(_ peer: UInt64) {
        guard let count = counts[peer] else { return }
        counts[peer] = count > 1 ? count - 1 : nil
    }
}
