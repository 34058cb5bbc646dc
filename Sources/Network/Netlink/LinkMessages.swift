internal import CLinux

/// The requests about links (interfaces), and what the kernel tells about them. Pure.
package enum LinkMessage {
    /// struct ifinfomsg.
    static func header(index: Int32 = 0, family: UInt8 = 0, flags: UInt32 = 0, change: UInt32 = 0) -> [UInt8] {
        var bytes: [UInt8] = [family, 0, 0, 0]
        bytes.appendNative(index)
        bytes.appendNative(flags)
        bytes.appendNative(change)
        return bytes
    }

    private static let create = CL_NLM_F_CREATE | CL_NLM_F_EXCL

    /// A bridge without spanning tree, multicast snooping or an address of its own making.
    package static func addBridge(_ name: String, mac: [UInt8], mtu: UInt32) -> NetlinkMessage {
        var message = NetlinkMessage("add bridge \(name)", type: CL_RTM_NEWLINK, flags: create, header: header())
        message.add(CL_IFLA_IFNAME, name)
        message.add(CL_IFLA_ADDRESS, mac)
        message.add(CL_IFLA_MTU, mtu)
        message.nest(CL_IFLA_LINKINFO) { info in
            info.add(CL_IFLA_INFO_KIND, "bridge")
            info.nest(CL_IFLA_INFO_DATA) { data in
                data.add(CL_IFLA_BR_FORWARD_DELAY, UInt32(0))
                data.add(CL_IFLA_BR_STP_STATE, UInt32(0))
                data.add(CL_IFLA_BR_MCAST_SNOOPING, UInt8(0))
            }
        }
        return message
    }

    /// A veth pair; the peer is born in the namespace of `peerNamespace` (a descriptor), so it never shows here.
    package static func addVeth(
        _ name: String, mac: [UInt8], peer: String, peerMAC: [UInt8], mtu: UInt32, peerNamespace: Int32?
    ) -> NetlinkMessage {
        var message = NetlinkMessage("add veth \(name)", type: CL_RTM_NEWLINK, flags: create, header: header())
        message.add(CL_IFLA_IFNAME, name)
        message.add(CL_IFLA_ADDRESS, mac)
        message.add(CL_IFLA_MTU, mtu)
        message.nest(CL_IFLA_LINKINFO) { info in
            info.add(CL_IFLA_INFO_KIND, "veth")
            info.nest(CL_IFLA_INFO_DATA) { data in
                data.nest(CL_VETH_INFO_PEER) { other in
                    other.addRaw(header())
                    other.add(CL_IFLA_IFNAME, peer)
                    other.add(CL_IFLA_ADDRESS, peerMAC)
                    other.add(CL_IFLA_MTU, mtu)
                    if let peerNamespace { other.add(CL_IFLA_NET_NS_FD, UInt32(peerNamespace)) }
                }
            }
        }
        return message
    }

    package static func delete(_ index: Int32, _ name: String) -> NetlinkMessage {
        NetlinkMessage("delete link \(name)", type: CL_RTM_DELLINK, header: header(index: index))
    }

    package static func setUp(_ index: Int32, _ name: String, _ isUp: Bool) -> NetlinkMessage {
        NetlinkMessage(
            "set \(name) \(isUp ? "up" : "down")", type: CL_RTM_NEWLINK,
            header: header(index: index, flags: isUp ? UInt32(CL_IFF_UP) : 0, change: UInt32(CL_IFF_UP)))
    }

    /// Changes of one link; whatever is nil stays.
    package static func set(
        _ index: Int32, _ name: String, master: Int32? = nil, mac: [UInt8]? = nil, mtu: UInt32? = nil,
        rename: String? = nil, alias: String? = nil, namespace: Int32? = nil
    ) -> NetlinkMessage {
        var message = NetlinkMessage("change link \(name)", type: CL_RTM_NEWLINK, header: header(index: index))
        if let master { message.add(CL_IFLA_MASTER, UInt32(bitPattern: master)) }
        if let mac { message.add(CL_IFLA_ADDRESS, mac) }
        if let mtu { message.add(CL_IFLA_MTU, mtu) }
        if let rename { message.add(CL_IFLA_IFNAME, rename) }
        if let alias { message.add(CL_IFLA_IFALIAS, alias) }
        if let namespace { message.add(CL_IFLA_NET_NS_FD, UInt32(namespace)) }
        return message
    }

    /// No link-local address by itself when the link comes up.
    package static func withoutGeneratedAddresses(_ index: Int32, _ name: String) -> NetlinkMessage {
        var message = NetlinkMessage("change link \(name)", type: CL_RTM_NEWLINK, header: header(index: index))
        message.nest(CL_IFLA_AF_SPEC) { spec in
            spec.nest(Int(addressFamily6)) { $0.add(CL_IFLA_INET6_ADDR_GEN_MODE, UInt8(CL_IN6_ADDR_GEN_MODE_NONE)) }
        }
        return message
    }

    /// What a guest's port of a bridge must not do: teach addresses, be a multicast router, speak spanning tree.
    package static func closedPort(_ index: Int32, _ name: String) -> NetlinkMessage {
        var message = NetlinkMessage(
            "set port \(name)", type: CL_RTM_SETLINK, header: header(index: index, family: addressFamilyBridge))
        message.nest(CL_IFLA_PROTINFO) { port in
            port.add(CL_IFLA_BRPORT_LEARNING, UInt8(0))
            port.add(CL_IFLA_BRPORT_MULTICAST_ROUTER, UInt8(0))
            port.add(CL_IFLA_BRPORT_GUARD, UInt8(1))
            port.add(CL_IFLA_BRPORT_PROTECT, UInt8(1))
        }
        return message
    }

    package static func get(_ name: String) -> NetlinkMessage {
        var message = NetlinkMessage("look up link \(name)", type: CL_RTM_GETLINK, header: header())
        message.add(CL_IFLA_IFNAME, name)
        return message
    }

    package static func list() -> NetlinkMessage {
        NetlinkMessage("list links", type: CL_RTM_GETLINK, header: header())
    }
}

package let addressFamily4: UInt8 = 2
package let addressFamily6: UInt8 = 10
package let addressFamilyBridge: UInt8 = 7

/// A link as the kernel describes it.
package struct LinkInfo: Sendable, Equatable {
    package let index: Int32
    package let name: String
    package let flags: UInt32
    package let hardwareType: UInt16
    package let mac: [UInt8]
    package let mtu: UInt32
    package let master: Int32?
    /// "bridge", "veth", "tun"; nil for hardware and lo.
    package let kind: String?
    package let alias: String?

    package var isUp: Bool { flags & UInt32(CL_IFF_UP) != 0 }

    /// Reads RTM_NEWLINK and RTM_DELLINK.
    package init?(_ reply: NetlinkReply) {
        guard reply.type == CL_RTM_NEWLINK || reply.type == CL_RTM_DELLINK, reply.payload.count >= 16 else {
            return nil
        }
        let attributes = reply.attributes(after: 16)
        guard let name = attributes.text(CL_IFLA_IFNAME) else { return nil }
        self.name = name
        index = reply.payload.native(Int32.self, at: 4)
        flags = reply.payload.native(UInt32.self, at: 8)
        hardwareType = reply.payload.native(UInt16.self, at: 2)
        mac = attributes[CL_IFLA_ADDRESS] ?? []
        mtu = attributes.number(CL_IFLA_MTU) ?? 0
        master = attributes.number(CL_IFLA_MASTER).map { Int32(bitPattern: $0) }
        kind = attributes.nested(CL_IFLA_LINKINFO)?.text(CL_IFLA_INFO_KIND)
        alias = attributes.text(CL_IFLA_IFALIAS)
    }
}
