internal import CLinux

/// The requests about addresses, routes, routing rules and neighbours. Pure. Addresses are their bytes: 4 or 16.
package enum AddressMessage {
    private static func family(_ address: [UInt8]) -> UInt8 { address.count == 4 ? addressFamily4 : addressFamily6 }

    /// An address on a link, without duplicate address detection: it is ours by decree.
    package static func add(
        _ address: [UInt8], length: UInt8, to index: Int32, on name: String, prefixRoute: Bool = true
    ) -> NetlinkMessage {
        var header: [UInt8] = [family(address), length, 0, UInt8(CL_RT_SCOPE_UNIVERSE)]
        header.appendNative(UInt32(bitPattern: index))
        var message = NetlinkMessage(
            "add an address to \(name)", type: CL_RTM_NEWADDR, flags: CL_NLM_F_CREATE | CL_NLM_F_REPLACE, header: header
        )
        message.add(CL_IFA_LOCAL, address)
        message.add(CL_IFA_ADDRESS, address)
        var flags = address.count == 4 ? CL_IFA_F_PERMANENT : CL_IFA_F_PERMANENT | CL_IFA_F_NODAD
        if !prefixRoute { flags |= CL_IFA_F_NOPREFIXROUTE }
        message.add(CL_IFA_FLAGS, UInt32(flags))
        return message
    }

    package static func delete(_ address: [UInt8], length: UInt8, from index: Int32, on name: String) -> NetlinkMessage
    {
        var header: [UInt8] = [family(address), length, 0, UInt8(CL_RT_SCOPE_UNIVERSE)]
        header.appendNative(UInt32(bitPattern: index))
        var message = NetlinkMessage("delete an address of \(name)", type: CL_RTM_DELADDR, header: header)
        message.add(CL_IFA_LOCAL, address)
        return message
    }

    package static func list() -> NetlinkMessage {
        NetlinkMessage("list addresses", type: CL_RTM_GETADDR, header: [0, 0, 0, 0, 0, 0, 0, 0])
    }
}

package enum RouteMessage {
    /// The default route of a table through a next hop on one link, which is believed to be there (onlink). IPv4 too goes
    /// by an IPv6 next hop (RTA_VIA).
    package static func addDefault(
        isIPv4: Bool, via gateway: [UInt8], index: Int32, table: UInt32, metric: UInt32, on name: String
    ) -> NetlinkMessage {
        var message = NetlinkMessage(
            "add the route by \(name)", type: CL_RTM_NEWROUTE, flags: CL_NLM_F_CREATE | CL_NLM_F_REPLACE,
            header: header(isIPv4: isIPv4, flags: UInt32(CL_RTNH_F_ONLINK)))
        if isIPv4 {
            var via: [UInt8] = []
            via.appendNative(UInt16(addressFamily6))
            message.add(CL_RTA_VIA, via + gateway)
        } else {
            message.add(CL_RTA_GATEWAY, gateway)
        }
        message.add(CL_RTA_OIF, index)
        message.add(CL_RTA_TABLE, table)
        message.add(CL_RTA_PRIORITY, metric)
        return message
    }

    /// One IPv6 address on one link.
    package static func host(_ address: [UInt8], index: Int32, on name: String, isAdded: Bool) -> NetlinkMessage {
        var message = NetlinkMessage(
            "change a route by \(name)", type: isAdded ? CL_RTM_NEWROUTE : CL_RTM_DELROUTE,
            flags: isAdded ? CL_NLM_F_CREATE | CL_NLM_F_REPLACE : 0,
            header: header(isIPv4: false, flags: 0, length: 128))
        message.add(CL_RTA_DST, address)
        message.add(CL_RTA_OIF, index)
        message.add(CL_RTA_TABLE, UInt32(CL_RT_TABLE_MAIN))
        message.add(CL_RTA_PRIORITY, UInt32(512))
        return message
    }

    private static func header(isIPv4: Bool, flags: UInt32, length: UInt8 = 0) -> [UInt8] {
        var bytes: [UInt8] = [
            isIPv4 ? addressFamily4 : addressFamily6, length, 0, 0, UInt8(CL_RT_TABLE_UNSPEC), UInt8(CL_RTPROT_STATIC),
            UInt8(CL_RT_SCOPE_UNIVERSE), UInt8(CL_RTN_UNICAST),
        ]
        bytes.appendNative(flags)
        return bytes
    }
}

package enum RuleMessage {
    /// `fwmark mark/mask lookup table`.
    package static func addMarkLookup(isIPv4: Bool, mark: UInt32, mask: UInt32, table: UInt32) -> NetlinkMessage {
        // struct fib_rule_hdr
        var header: [UInt8] = [
            isIPv4 ? addressFamily4 : addressFamily6, 0, 0, 0, UInt8(CL_RT_TABLE_UNSPEC), 0, 0, UInt8(CL_FR_ACT_TO_TBL),
        ]
        header.appendNative(UInt32(0))
        var message = NetlinkMessage(
            "add the routing rule", type: CL_RTM_NEWRULE, flags: CL_NLM_F_CREATE | CL_NLM_F_EXCL, header: header)
        message.add(CL_FRA_FWMARK, mark)
        message.add(CL_FRA_FWMASK, mask)
        message.add(CL_FRA_TABLE, table)
        message.add(CL_FRA_PRIORITY, UInt32(100))
        return message
    }
}

package enum NeighbourMessage {
    private static func header(family: UInt8, index: Int32, state: Int, flags: Int) -> [UInt8] {
        var bytes: [UInt8] = [family, 0, 0, 0]
        bytes.appendNative(index)
        bytes.appendNative(UInt16(truncatingIfNeeded: state))
        bytes += [UInt8(truncatingIfNeeded: flags), 0]
        return bytes
    }

    /// A permanent neighbour: it is asked for by nobody, changed by nobody, and not counted against the table's limit.
    package static func add(_ address: [UInt8], mac: [UInt8], index: Int32, on name: String) -> NetlinkMessage {
        var message = NetlinkMessage(
            "add a neighbour on \(name)", type: CL_RTM_NEWNEIGH, flags: CL_NLM_F_CREATE | CL_NLM_F_REPLACE,
            header: header(
                family: address.count == 4 ? addressFamily4 : addressFamily6, index: index, state: CL_NUD_PERMANENT,
                flags: 0))
        message.add(CL_NDA_DST, address)
        message.add(CL_NDA_LLADDR, mac)
        return message
    }

    package static func delete(_ address: [UInt8], index: Int32, on name: String) -> NetlinkMessage {
        var message = NetlinkMessage(
            "delete a neighbour on \(name)", type: CL_RTM_DELNEIGH,
            header: header(
                family: address.count == 4 ? addressFamily4 : addressFamily6, index: index, state: 0, flags: 0))
        message.add(CL_NDA_DST, address)
        return message
    }

    /// A bridge's static entry: frames to `mac` leave by the port `index`, whatever is sent from elsewhere.
    package static func addStatic(mac: [UInt8], port index: Int32, on name: String) -> NetlinkMessage {
        var message = NetlinkMessage(
            "add a forwarding entry on \(name)", type: CL_RTM_NEWNEIGH, flags: CL_NLM_F_CREATE | CL_NLM_F_REPLACE,
            header: header(
                family: addressFamilyBridge, index: index, state: CL_NUD_NOARP, flags: CL_NTF_MASTER))
        message.add(CL_NDA_LLADDR, mac)
        return message
    }

    package static func list(isIPv4: Bool) -> NetlinkMessage {
        NetlinkMessage(
            "list neighbours", type: CL_RTM_GETNEIGH,
            header: header(family: isIPv4 ? addressFamily4 : addressFamily6, index: 0, state: 0, flags: 0))
    }
}

/// A neighbour as the kernel describes it.
package struct NeighbourInfo: Sendable, Equatable {
    package let index: Int32
    package let state: Int
    package let address: [UInt8]
    package let mac: [UInt8]

    package var isPermanent: Bool { state & CL_NUD_PERMANENT != 0 }

    package init?(_ reply: NetlinkReply) {
        guard reply.type == CL_RTM_NEWNEIGH, reply.payload.count >= 12 else { return nil }
        let attributes = reply.attributes(after: 12)
        index = reply.payload.native(Int32.self, at: 4)
        state = Int(reply.payload.native(UInt16.self, at: 8))
        address = attributes[CL_NDA_DST] ?? []
        mac = attributes[CL_NDA_LLADDR] ?? []
    }
}
