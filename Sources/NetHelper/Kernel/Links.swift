internal import CLinux
internal import Glibc
internal import Model
internal import Network

/// Links, addresses, routes and neighbours of one network namespace, by name. Each call is idempotent: what is already so is
/// left, what differs is changed.
///
/// Belongs to the helper's worker thread, as its socket does.
final class Links {
    let socket: NetlinkSocket

    /// - Throws: `NetlinkError` when the kernel refuses a socket.
    init() throws(NetlinkError) {
        socket = try NetlinkSocket()
    }

    /// Of the namespace that the socket was opened in.
    init(_ socket: NetlinkSocket) {
        self.socket = socket
    }

    /// The link of that name, nil if there is none.
    func find(_ name: String) throws(NetlinkError) -> LinkInfo? {
        do {
            return LinkInfo(try socket.get(LinkMessage.get(name)))
        } catch {
            guard error.errno == ENODEV else { throw error }
            return nil
        }
    }

    /// The link of that name.
    ///
    /// - Throws: `NetlinkError` ENODEV if there is none.
    func require(_ name: String) throws(NetlinkError) -> LinkInfo {
        guard let link = try find(name) else {
            throw NetlinkError(errno: ENODEV, operation: "look up link \(name)")
        }
        return link
    }

    func all() throws(NetlinkError) -> [LinkInfo] {
        try socket.dump(LinkMessage.list()).compactMap { LinkInfo($0) }
    }

    func setUp(_ link: LinkInfo, _ isUp: Bool = true) throws(NetlinkError) {
        if link.isUp != isUp { try socket.change(LinkMessage.setUp(link.index, link.name, isUp)) }
    }

    func delete(_ name: String) throws(NetlinkError) {
        guard let link = try find(name) else { return }
        try socket.change(LinkMessage.delete(link.index, name), tolerating: ENODEV)
    }

    /// An address without duplicate detection.
    func add(_ address: [UInt8], length: UInt8, to link: LinkInfo, prefixRoute: Bool = true) throws(NetlinkError) {
        try socket.change(
            AddressMessage.add(address, length: length, to: link.index, on: link.name, prefixRoute: prefixRoute),
            tolerating: EEXIST)
    }

    func addNeighbour(_ address: [UInt8], mac: MACAddress, on link: LinkInfo) throws(NetlinkError) {
        try socket.change(NeighbourMessage.add(address, mac: mac.bytes, index: link.index, on: link.name))
    }

    func removeNeighbour(_ address: [UInt8], on link: LinkInfo) throws(NetlinkError) {
        try socket.change(
            NeighbourMessage.delete(address, index: link.index, on: link.name), tolerating: ENOENT, ENODEV)
    }

    /// Frames for `mac` leave by this port alone.
    func addForwarding(_ mac: MACAddress, port: LinkInfo) throws(NetlinkError) {
        try socket.change(
            NeighbourMessage.addStatic(mac: mac.bytes, port: port.index, on: port.name), tolerating: EEXIST)
    }

    /// The rule that sends marked packets to table 100, for both families.
    func addMarkRules() throws(NetlinkError) {
        for isIPv4 in [false, true] {
            try socket.change(
                RuleMessage.addMarkLookup(
                    isIPv4: isIPv4, mark: 0x8000_0000, mask: 0x8000_0000, table: AnswerRoute.table),
                tolerating: EEXIST)
        }
    }

    /// The way of all marked answers on one bridge: a next hop that nobody is, whose address the firewall replaces by the
    /// guest's as the frame leaves.
    func addAnswerRoute(_ link: LinkInfo, number: UInt32) throws(NetlinkError) {
        for isIPv4 in [false, true] {
            try socket.change(
                RouteMessage.addDefault(
                    isIPv4: isIPv4, via: MetadataAddress.nextHop.bytes, index: link.index, table: AnswerRoute.table,
                    metric: number &+ 1, on: link.name),
                tolerating: EEXIST)
        }
        try addNeighbour(MetadataAddress.nextHop.bytes, mac: MetadataAddress.nextHopMAC, on: link)
    }

    /// In the services' namespace of a private network: everything leaves by the next hop that is everyone.
    func addServiceRoute(_ link: LinkInfo) throws(NetlinkError) {
        try socket.change(
            RouteMessage.addDefault(
                isIPv4: false, via: MetadataAddress.nextHop.bytes, index: link.index, table: UInt32(CL_RT_TABLE_MAIN),
                metric: 1024, on: link.name),
            tolerating: EEXIST)
    }

    func addHostRoute(_ address: [UInt8], on link: LinkInfo) throws(NetlinkError) {
        try socket.change(
            RouteMessage.host(address, index: link.index, on: link.name, isAdded: true), tolerating: EEXIST)
    }

    func removeHostRoute(_ address: [UInt8], on link: LinkInfo) throws(NetlinkError) {
        try socket.change(
            RouteMessage.host(address, index: link.index, on: link.name, isAdded: false), tolerating: ESRCH, ENODEV)
    }

    /// Entries that count against the host's table.
    func countedNeighbours() throws(NetlinkError) -> Int {
        let six = try socket.dump(NeighbourMessage.list(isIPv4: false))
        let four = try socket.dump(NeighbourMessage.list(isIPv4: true))
        return (six + four).compactMap { NeighbourInfo($0) }
            .count { !$0.isPermanent && $0.state & CL_NUD_NOARP == 0 }
    }
}

/// Where answers are routed.
enum AnswerRoute {
    static let table: UInt32 = 100
}
