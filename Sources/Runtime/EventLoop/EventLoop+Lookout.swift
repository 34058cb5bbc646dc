internal import CLinux

/// When a loop looks for work of other loops before it sleeps.
///
/// Who has just handed something to another loop often gets its answer within a microsecond or two, if that one is awake: to
/// sleep and be woken by an eventfd would take both of them several system calls. Where the answers don't come, as on a
/// machine whose other cores are busy, it is tried ever less often.
package struct Lookout {
    /// Looks at the inbox in a row, with a pause of the processor after each: some 12 us, which is what a loop that sleeps
    /// takes to wake and answer.
    static let looks = 800
    /// How often in a row a turn may find work so, before sockets are looked at again.
    static let rounds = 64
    /// The most occasions that are let pass between two tries.
    package static let longestRest = 256

    /// Whether something was handed to another loop since the last time that this one looked.
    package var hasHandedOver = false
    /// Whether work came when it last looked: then more is likely, even if nothing had to be handed over for it.
    private var isHot = false
    private var rest = 0
    private var nextRest = 1

    package init() {}

    /// Whether to look now.
    package mutating func isDue() -> Bool {
        guard hasHandedOver || isHot else { return false }
        hasHandedOver = false
        if rest == 0 { return true }
        rest -= 1
        return false
    }

    /// Tells what came of a look.
    package mutating func ended(found: Bool) {
        isHot = found
        nextRest = found ? 1 : min(nextRest * 2, Self.longestRest)
        rest = found ? 0 : nextRest
    }
}

extension EventLoop {
    /// Waits a moment for what other loops answer, and runs it. On the loop, before it polls.
    func lookOut() {
        var rounds = 0
        while rounds < Lookout.rounds, !local.isInHaste, !local.ending, local.lookout.isDue() {
            local.lookout.ended(found: findsArrival())
            takeInbox()
            afterCallback()
            rounds += 1
        }
        // While answers come, sockets are looked at and not waited for.
        local.setIdle(local.isInHaste || rounds == Lookout.rounds)
    }

    private func findsArrival() -> Bool {
        guard inbox.watch() else { return true }
        defer { inbox.unwatch() }
        for _ in 0..<Lookout.looks {
            if inbox.hasArrived { return true }
            cl_relax()
        }
        return false
    }
}
