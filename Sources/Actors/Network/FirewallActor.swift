internal import Firewall
internal import Metadata
internal import Model
package import Network
package import Runtime

/// The node's firewall as its operators see it: who may send what from which port, what was dropped and why, and whether
/// the kernel's rules are whole. The rules themselves are applied, watched and mended by the net-helper, which goes on with
/// that while the daemon is away.
package actor FirewallActor {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let events: EventLog
    private var helper: HelperClient?
    private var mends = 0
    private var lastMend: (reason: String, milliseconds: Double)?
    private var isBroken = false

    package init(events: EventLog, loop: EventLoop) {
        self.events = events
        self.loop = loop
    }

    /// What a guest's card may do: its MAC, and the addresses that EUI-64 makes of it on a shared network.
    static func plan(_ nic: NICRecord, _ network: NetworkRecord) -> GuestPort {
        GuestPort(
            ifname: nic.tap, bridge: NetworkPlan.bridgeName(network.number), mac: nic.mac,
            mark: identityBit | nic.number,
            addresses6: [nic.mac.linkLocal, network.resolved.prefix.eui64(nic.mac)])
    }

    /// A helper has taken up the work.
    package func meet(_ helper: HelperClient) {
        self.helper = helper
        isBroken = false
    }

    /// The helper told something.
    ///
    /// - Parameters:
    ///   - event: what.
    ///   - network: the name of the network that it is about, where it is about one.
    package func heard(_ event: HelperEvent, network: String? = nil) async {
        switch event {
        case .rulesMended(let reason, let milliseconds):
            mends += 1
            lastMend = (reason, milliseconds)
            isBroken = false
            await events.add(
                kind: "firewall.mended", subject: "node",
                message: "the rules were changed from outside (\(reason)) and restored after "
                    + "\(Self.tenths(milliseconds)) ms")
        case .rulesBroken(let reason):
            isBroken = true
            await events.add(
                kind: "firewall.broken", subject: "node", message: "the rules can't be restored: \(reason)")
        // The VM's business: it knows whether its process ended.
        case .portGone: break
        case .serviceExited(let number, let reason):
            await events.add(
                kind: "network.service-exited", subject: "network/\(network ?? String(number))",
                message: "dnsmasq ended (\(reason)); it is started again")
        case .closed: break
        }
    }

    private static func tenths(_ milliseconds: Double) -> Double { (milliseconds * 10).rounded() / 10 }

    /// Whether the rules are whole, as far as is known.
    package var health: (isBroken: Bool, mends: Int, lastMend: String?) {
        (isBroken, mends, lastMend.map { "\($0.reason), restored after \(Self.tenths($0.milliseconds)) ms" })
    }
}
