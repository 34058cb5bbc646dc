/// How many connections each peer has: a hash table with open addressing, since a look at it is part of every accept.
///
/// Keys are spread by a multiplication (Knuth, TAOCP 3, 6.4), collisions go to the next place, and a removal moves back what it
/// left behind, so that no search meets a trace of who is gone.
package struct PeerCounts {
    private struct Place {
        var peer: UInt64
        /// 0 where nobody is.
        var count: UInt32
    }

    private var places = [Place](repeating: Place(peer: 0, count: 0), count: 64)
    /// Peers that have any.
    package private(set) var peers = 0

    package init() {}

    /// The peer's connections.
    package subscript(peer: UInt64) -> Int { Int(places[index(of: peer)].count) }

    /// One connection more.
    package mutating func add(_ peer: UInt64) {
        let index = index(of: peer)
        if places[index].count > 0 {
            places[index].count += 1
            return
        }
        places[index] = Place(peer: peer, count: 1)
        peers += 1
        // At least half stay empty, so that searches are short and end.
        if 2 * peers > places.count { grow() }
    }

    /// A peer without connections leaves nothing behind.
    package mutating func remove(_ peer: UInt64) {
        let index = index(of: peer)
        guard places[index].count > 0 else { return }
        places[index].count -= 1
        if places[index].count == 0 {
            peers -= 1
            closeGap(index)
        }
    }

    /// Where the peer is, or would be.
    private func index(of peer: UInt64) -> Int {
        var index = home(of: peer)
        while places[index].count > 0, places[index].peer != peer { index = (index + 1) & (places.count - 1) }
        return index
    }

    private func home(of peer: UInt64) -> Int {
        Int(truncatingIfNeeded: (peer &* 0x9E37_79B9_7F4A_7C15) >> 32) & (places.count - 1)
    }

    /// Moves back those who would not be found across the gap.
    private mutating func closeGap(_ start: Int) {
        let mask = places.count - 1
        var gap = start
        var index = (start + 1) & mask
        while places[index].count > 0 {
            let distance = (index - home(of: places[index].peer)) & mask
            if distance >= (index - gap) & mask {
                places[gap] = places[index]
                places[index].count = 0
                gap = index
            }
            index = (index + 1) & mask
        }
    }

    private mutating func grow() {
        let old = places
        places = [Place](repeating: Place(peer: 0, count: 0), count: 2 * old.count)
        for place in old where place.count > 0 { places[index(of: place.peer)] = place }
    }
}
