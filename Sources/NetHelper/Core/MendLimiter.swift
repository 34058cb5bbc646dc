/// Keeps the mending of rules from becoming a fight with somebody who deletes them in a loop. Pure; times in milliseconds.
package struct MendLimiter: Equatable {
    /// So many at once are answered at once; then one each `pause`.
    package static let burst = 20
    package static let window = 1000.0
    package static let pause = 100.0

    private var recent: [Double] = []

    package init() {}

    /// How long to wait before the next mend; it is counted.
    package mutating func delay(at now: Double) -> Double {
        recent.removeAll { now - $0 > Self.window }
        recent.append(now)
        return recent.count <= Self.burst ? 0 : Self.pause
    }
}
