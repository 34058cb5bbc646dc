/// How long to wait before a process that ended is started again. Pure; times in seconds.
package struct RestartBackoff: Equatable {
    package static let first = 0.1
    package static let longest = 30.0
    /// A process that lived this long counts as healthy.
    package static let healthy = 60.0

    private var next = first

    package init() {}

    /// The wait after a process that lived for `lifetime`.
    package mutating func delay(after lifetime: Double) -> Double {
        if lifetime >= Self.healthy { next = Self.first }
        defer { next = min(next * 2, Self.longest) }
        return next
    }
}
