internal import Synchronization

/// Tells once that a guest has asked for its metadata: the sign that it has come up with a working network.
///
/// Shared by the documents of one boot. `note` costs a relaxed load once it has told; the action runs on the loop of the
/// first request and must not block.
package final class FirstRequest: Sendable {
    private let isTold: Atomic<Bool>
    private let action: @Sendable () -> Void

    /// `told` is set for a guest of which it is known already.
    package init(told: Bool = false, _ action: @escaping @Sendable () -> Void) {
        isTold = Atomic(told)
        self.action = action
    }

    func note() {
        guard !isTold.load(ordering: .relaxed), !isTold.exchange(true, ordering: .relaxed) else { return }
        action()
    }
}
