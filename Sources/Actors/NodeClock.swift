internal import Foundation
internal import Model

/// The wall clock as the actors read it, so that tests may set it.
package struct NodeClock: Sendable {
    private let milliseconds: @Sendable () -> Int64

    package init(milliseconds: @escaping @Sendable () -> Int64) {
        self.milliseconds = milliseconds
    }

    /// The system's.
    package static let system = NodeClock { Int64((Date().timeIntervalSince1970 * 1000).rounded()) }

    package func unixSeconds() -> Int64 { milliseconds() / 1000 }

    /// RFC 3339, UTC, whole seconds.
    package func now() -> String { Timestamp.text(unixMilliseconds: milliseconds() / 1000 * 1000) }
}
