/// Those who wait for a session's SHUTDOWN event or for its end. Owned by the monitor, on its loop.
struct MonitorWatchers {
    typealias ShutdownWaiter = CheckedContinuation<MonitorShutdown?, Never>
    typealias EndWaiter = CheckedContinuation<MonitorEnding?, Never>

    private(set) var ending: MonitorEnding?
    private var shutdown: [Int: ShutdownWaiter] = [:]
    private var end: [Int: EndWaiter] = [:]
    private var nextTicket = 0

    mutating func ticket() -> Int {
        nextTicket += 1
        return nextTicket
    }

    mutating func addShutdown(_ waiter: ShutdownWaiter, _ ticket: Int) { shutdown[ticket] = waiter }

    mutating func addEnd(_ waiter: EndWaiter, _ ticket: Int) { end[ticket] = waiter }

    /// A waiter's task was cancelled.
    mutating func cancel(_ ticket: Int) {
        shutdown.removeValue(forKey: ticket)?.resume(returning: nil)
        end.removeValue(forKey: ticket)?.resume(returning: nil)
    }

    mutating func shutdownSeen(_ what: MonitorShutdown?) {
        for waiter in shutdown.values { waiter.resume(returning: what) }
        shutdown = [:]
    }

    mutating func ended(_ how: MonitorEnding) {
        ending = how
        shutdownSeen(how.shutdown)
        for waiter in end.values { waiter.resume(returning: how) }
        end = [:]
    }
}
