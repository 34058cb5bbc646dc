internal import Glibc
package import JSON
package import Model

/// The version of the protocol between daemon and net-helper. It grows by new operations and optional fields; it changes
/// when an old side could misunderstand: then the daemon has the helper replaced, for which `hello`, `hand-over`, `listeners`,
/// `adopt-listeners` and `shutdown` keep their form for ever.
package let helperProtocolVersion = 1

/// Device and inode of a program's file, which tell whether two processes run the same: the number of a file that was replaced
/// isn't given again while somebody runs it. Nil where the file can't be looked at.
package func executableIdentity(_ path: String = "/proc/self/exe") -> String? {
    var status = stat()
    return stat(path, &status) == 0 ? "\(status.st_dev):\(status.st_ino)" : nil
}

/// What the helper says of itself.
package struct HelperInfo: Sendable, Codable, Equatable {
    package var version: Int
    package var pid: Int32
    /// Another one for each start of a helper: a client that sees a new one replays what it knows.
    package var generation: String
    /// The network namespace it works in.
    package var namespaceInode: UInt64
    /// Whether it can reach the host's namespace (as root only): there interfaces can be taken from.
    package var reachesHost: Bool
    /// The file that it runs, as `executableIdentity` gives it.
    package var executable: String?

    package init(
        version: Int, pid: Int32, generation: String, namespaceInode: UInt64, reachesHost: Bool, executable: String?
    ) {
        self.executable = executable
        self.version = version
        self.pid = pid
        self.generation = generation
        self.namespaceInode = namespaceInode
        self.reachesHost = reachesHost
    }
}

/// A network as it stands.
package struct NetworkState: Sendable, Equatable {
    package var bridgeMAC: MACAddress
    /// The metadata sockets, in the order the helper holds them: the caller owns these descriptors (the helper keeps copies of
    /// its own) and must accept on **all** of them, since the kernel spreads connections over the whole group.
    package var listenerFDs: [Int32]
    package var serviceVeth: String?
    package var serviceAddress: IPv6Address?
    package var dnsmasqPID: Int32?

    package init(
        bridgeMAC: MACAddress, listenerFDs: [Int32], serviceVeth: String?, serviceAddress: IPv6Address?,
        dnsmasqPID: Int32?
    ) {
        self.bridgeMAC = bridgeMAC
        self.listenerFDs = listenerFDs
        self.serviceVeth = serviceVeth
        self.serviceAddress = serviceAddress
        self.dnsmasqPID = dnsmasqPID
    }
}

/// The part of ``NetworkState`` that goes as JSON; the descriptors ride beside it.
package struct NetworkAnswer: Sendable, Codable, Equatable {
    package var bridgeMAC: MACAddress
    package var serviceVeth: String?
    package var serviceAddress: IPv6Address?
    package var dnsmasqPID: Int32?

    package init(bridgeMAC: MACAddress, serviceVeth: String?, serviceAddress: IPv6Address?, dnsmasqPID: Int32?) {
        self.bridgeMAC = bridgeMAC
        self.serviceVeth = serviceVeth
        self.serviceAddress = serviceAddress
        self.dnsmasqPID = dnsmasqPID
    }
}

/// What stands in the namespace, for `status`, `who` and for finding what nobody knows.
package struct Inventory: Sendable, Codable, Equatable {
    package struct Link: Sendable, Codable, Equatable {
        package var name: String
        package var kind: String?
        package var mac: String
        package var master: String?
        package var isUp: Bool
        package var mtu: UInt32

        package init(name: String, kind: String?, mac: String, master: String?, isUp: Bool, mtu: UInt32) {
            self.name = name
            self.kind = kind
            self.mac = mac
            self.master = master
            self.isUp = isUp
            self.mtu = mtu
        }
    }

    package var links: [Link]
    package var networks: [NetworkPlan]
    package var ports: [GuestPort]
    /// dnsmasq's process by network number.
    package var services: [String: Int32]
    /// Entries of the host-wide neighbour table seen in this namespace that aren't permanent.
    package var neighbours: Int

    package init(links: [Link], networks: [NetworkPlan], ports: [GuestPort], services: [String: Int32], neighbours: Int)
    {
        self.links = links
        self.networks = networks
        self.ports = ports
        self.services = services
        self.neighbours = neighbours
    }
}

/// What the helper tells unasked.
package enum HelperEvent: Sendable, Equatable {
    /// Somebody changed our tables (named by process where the kernel told), and they are as they were after so long.
    case rulesMended(reason: String, milliseconds: Double)
    /// Mending failed; it is tried again.
    case rulesBroken(reason: String)
    /// A port's interface vanished: its QEMU ended, or somebody deleted it. Its rules stay until it is removed.
    case portGone(ifname: String)
    /// The network's dnsmasq ended; it is started again after a back-off.
    case serviceExited(network: UInt32, reason: String)
    /// The connection ended. The channel finishes after it.
    case closed
}

extension HelperEvent {
    /// The event's frame.
    package var json: JSONValue {
        switch self {
        case .rulesMended(let reason, let milliseconds):
            ["event": "rules-mended", "reason": .string(reason), "milliseconds": .double(milliseconds)]
        case .rulesBroken(let reason): ["event": "rules-broken", "reason": .string(reason)]
        case .portGone(let ifname): ["event": "port-gone", "ifname": .string(ifname)]
        case .serviceExited(let network, let reason):
            ["event": "service-exited", "network": .int(Int64(network)), "reason": .string(reason)]
        case .closed: ["event": "closed"]
        }
    }

    /// Reads a frame; nil for an event of a newer version.
    package init?(_ frame: JSONValue) {
        let reason = frame["reason"]?.stringValue ?? ""
        switch frame["event"]?.stringValue {
        case "rules-mended":
            self = .rulesMended(reason: reason, milliseconds: frame["milliseconds"]?.doubleValue ?? 0)
        case "rules-broken": self = .rulesBroken(reason: reason)
        case "port-gone": self = .portGone(ifname: frame["ifname"]?.stringValue ?? "")
        case "service-exited":
            self = .serviceExited(network: UInt32(clamping: frame["network"]?.intValue ?? 0), reason: reason)
        default: return nil
        }
    }
}
