internal import CLinux
internal import Firewall
internal import Glibc
internal import Network

/// The firewall's rules as the kernel holds them, and the only one who changes them.
///
/// Every change is one transaction of differences. What is believed of the kernel is checked by the ruleset's generation, a
/// number that each transaction of anybody raises by one. Belongs to the helper's worker thread.
final class RulesKeeper {
    /// What the kernel was given last.
    private(set) var current: Ruleset
    /// The generation after our latest transaction.
    private(set) var generation: UInt32
    /// Whether what stands is not known: an earlier helper left it, and others came after.
    private(set) var isSuspicious: Bool
    /// Whether others' transactions came between ours since the rules were last loaded whole. Notices tell whether they
    /// touched our tables; only where notices are lost this counts.
    private(set) var hasGap = false
    /// The first number that the transaction of the latest mend can have.
    private(set) var mendedBy: UInt32?
    private let context = NFTContext()
    private let socket: NetlinkSocket

    /// Above this many ports a mend first closes the bridges and then loads.
    private static let largeRuleset = 64

    /// Starts with what an earlier helper left: if the generation is still the one it noted, `known` is what stands.
    ///
    /// - Throws: `NetlinkError` if netfilter can't be reached.
    init(known: Ruleset?, at knownGeneration: UInt32?) throws(NetlinkError) {
        // An explicit port: the one that is the process' id is for libnftables, whose transactions are known by it.
        socket = try RulesKeeper.openSocket()
        generation = 0
        current = known ?? Ruleset()
        isSuspicious = true
        generation = try readGeneration()
        isSuspicious = known == nil || knownGeneration != generation
    }

    /// A netfilter socket that leaves the process' own port to libnftables.
    static func openSocket() throws(NetlinkError) -> NetlinkSocket {
        var port = UInt32(bitPattern: getpid()) | 0x4000_0000
        while true {
            do {
                return try NetlinkSocket(protocol: CL_NETLINK_NETFILTER, port: port)
            } catch {
                guard error.errno == EADDRINUSE, port < 0x7000_0000 else { throw error }
                port += 0x0080_0000
            }
        }
    }

    /// The number of the namespace's latest transaction.
    func readGeneration() throws(NetlinkError) -> UInt32 {
        RulesEvent.generation(try socket.get(RulesEvent.getGeneration())) ?? 0
    }

    /// Makes the kernel hold `next`: by differences, or whole where differences don't fit what is there.
    ///
    /// - Throws: `HelperFailure` `rules.refused`; then nothing has changed.
    func apply(_ next: Ruleset) throws(HelperFailure) {
        if !isSuspicious {
            guard let text = renderChange(from: current, to: next) else {
                current = next
                return
            }
            if run(text).succeeded {
                current = next
                return
            }
        }
        let result = run(renderFull(next))
        guard result.succeeded else { throw Self.refused(result) }
        current = next
        isSuspicious = false
    }

    /// Loads everything anew after somebody else's change. Bridges that are gone are left out, which closes their ports.
    ///
    /// - Throws: `HelperFailure` `rules.refused`.
    func mend(bridges: Set<String>) throws(HelperFailure) {
        var present = current
        present.bridges = present.bridges.filter { bridges.contains($0.key) }
        if present.ports.count > Self.largeRuleset { _ = run(Self.closing) }
        let before = (try? readGeneration()) ?? generation
        let result = run(renderFull(present))
        guard result.succeeded else { throw Self.refused(result) }
        current = present
        isSuspicious = false
        hasGap = false
        mendedBy = before &+ 1
    }

    /// Lets nothing through until the rules are whole again; a millisecond, where 10,000 ports take most of a second.
    private static let closing = """
        add table bridge \(RulesEvent.table)
        add chain bridge \(RulesEvent.table) prerouting { type filter hook prerouting priority -200; policy drop; }

        """

    /// Takes our tables away.
    func removeAll() throws(HelperFailure) {
        var text = ""
        for family in ["bridge", "inet", "netdev"] {
            text += "add table \(family) \(RulesEvent.table)\ndelete table \(family) \(RulesEvent.table)\n"
        }
        let result = run(text)
        guard result.succeeded else { throw Self.refused(result) }
        current = Ruleset()
    }

    /// Our tables as nft lists them.
    func list() -> String {
        ["bridge", "inet", "netdev"].map { context.run("list table \($0) \(RulesEvent.table)").output }.joined()
    }

    /// The drop counters by port and reason: packets and bytes.
    func counters() throws -> [String: [String: [Int64]]] {
        try context.counters().byName.mapValues { reasons in
            reasons.mapValues { [Int64(clamping: $0.packets), Int64(clamping: $0.bytes)] }
        }
    }

    private func run(_ text: String) -> NFTResult {
        let before = generation
        let result = context.run(text)
        if let after = try? readGeneration() {
            generation = after
            if result.succeeded, after &- before > 1 { hasGap = true }
        }
        return result
    }

    private static func refused(_ result: NFTResult) -> HelperFailure {
        let reason = result.problems.first?.description ?? "nft gave no reason"
        return HelperFailure(code: "rules.refused", message: "the kernel refused the firewall's rules: \(reason)")
    }
}
