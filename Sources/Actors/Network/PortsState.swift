/// The ports that are to go: those of VMs whose process has ended. Pure.
///
/// A port is left over from the moment its VM lets it go until the net-helper has said that it is gone. A helper that is away,
/// or that dies over it, says nothing: the port stays left over, and the next helper is asked. So none is forgotten that
/// the daemon knew of; what it did not live to know of, the tombstone or the look for the process tells the next daemon.
package struct PortsState: Sendable {
    private enum Standing: Sendable {
        /// To be removed. To `removing`, or claimed by its VM's next start.
        case leftOver
        /// The helper is asked. To gone, or back to `leftOver`.
        case removing
    }

    private var ports: [String: Standing] = [:]

    package init() {}

    /// Ports are let go. One that is being removed already stays so.
    package mutating func leave(_ ifnames: [String]) {
        for ifname in ifnames where ports[ifname] == nil { ports[ifname] = .leftOver }
    }

    /// A VM wants its ports again: those that nobody removes yet are left over no longer.
    ///
    /// - Returns: false while one of them is being removed: the removal would take the new port.
    package mutating func claim(_ ifnames: [String]) -> Bool {
        for ifname in ifnames where ports[ifname] == .leftOver { ports[ifname] = nil }
        return !ifnames.contains { ports[$0] != nil }
    }

    /// Begins a removal; false where there is nothing to remove, or somebody is at it.
    package mutating func begin(_ ifname: String) -> Bool {
        guard ports[ifname] == .leftOver else { return false }
        ports[ifname] = .removing
        return true
    }

    /// A removal has ended.
    package mutating func end(_ ifname: String, isGone: Bool) {
        guard ports[ifname] == .removing else { return }
        ports[ifname] = isGone ? nil : .leftOver
    }

    /// Whether the port is still to go.
    package func isLeft(_ ifname: String) -> Bool { ports[ifname] != nil }

    /// What nobody is at, in the order of names.
    package var waiting: [String] { ports.filter { $0.value == .leftOver }.keys.sorted() }
}
