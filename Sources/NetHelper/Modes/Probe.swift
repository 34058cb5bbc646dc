internal import CLinux
internal import Firewall
internal import Glibc
internal import Model
internal import Network

/// The process mode `probe`: tries what the node needs of the kernel, in namespaces of its own that end with it.
///
/// Prints a line for each part that it came to: `PART ok`, or `PART` and why not. The parts are `namespaces`, `bridge` and
/// `nftables`, which is the node's own rules over that bridge. Must be called before the process has a second thread.
package func runProbe() -> Never {
    let isRoot = geteuid() == 0 && cl_has_cap_sys_admin() == 1
    tell("namespaces", Namespaces.make(isRoot: isRoot))
    tell("bridge", makeBridge())
    tell("nftables", loadRules())
    exit(0)
}

private let bridgeName = "br1"
private let bridgeMAC = MACAddress(0x42_00_00_00_00_01)

/// Ends the probe where a part failed: the next one needs it.
private func tell(_ part: String, _ failure: String?) {
    ModeExit.say(1, "\(part) \(failure ?? "ok")\n")
    if failure != nil { exit(0) }
}

private func makeBridge() -> String? {
    do {
        try NetlinkSocket().change(LinkMessage.addBridge(bridgeName, mac: bridgeMAC.bytes, mtu: 1500))
        return nil
    } catch { return "\(error)" }
}

private func loadRules() -> String? {
    let bridge = BridgeRules(name: bridgeName, number: 1, kind: .shared, mac: bridgeMAC)
    let result = NFTContext().run(renderFull(Ruleset(bridges: [bridgeName: bridge])))
    return result.succeeded ? nil : result.problems.first?.description ?? "nft gave no reason"
}
