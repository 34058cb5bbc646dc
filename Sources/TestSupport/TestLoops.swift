internal import Glibc
public import Runtime

/// The loops that tests share: one group for the process, never shut down.
public enum TestLoops {
    /// Two loops; tests that count or shut down make a group of their own.
    public static let group: EventLoopGroup = {
        do {
            return try EventLoopGroup(loops: 2, label: "test")
        } catch {
            fatalError("no event loops for the tests: \(error)")
        }
    }()

    /// The first loop.
    public static var loop: EventLoop { group.loops[0] }
    /// The second loop, where something must happen on another thread.
    public static var other: EventLoop { group.loops[1] }
}

extension Duration {
    private static let patience = getenv("UNCLOUD_PATIENCE").flatMap { Double(String(cString: $0)) } ?? 1

    /// A guard's time times UNCLOUD_PATIENCE: sanitizers make everything slower.
    public var patient: Duration { self * Self.patience }
}

/// Runs a test's body on a loop and fails it if that takes too long: a guard against hanging.
///
/// - Parameters:
///   - what: named in the error.
///   - limit: how long at most; generous, since machines are slow.
///   - loop: where the body runs.
///   - body: the test.
/// - Returns: what `body` returns.
/// - Throws: what `body` throws, or `DeadlineError`.
public func bounded<T: Sendable>(
    _ what: String = "the test", within limit: Duration = .seconds(60), on loop: EventLoop = TestLoops.loop,
    _ body: @escaping @Sendable () async throws -> T
) async throws -> T { try await withDeadline(limit.patient, on: loop, what, body) }
