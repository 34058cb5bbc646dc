internal import CLinux
internal import Glibc
internal import Network
internal import Runtime

/// Listens to what the kernel tells of its own accord: changes of the firewall by others, and interfaces that vanish.
///
/// Lives on the loop; what it finds goes to the core's thread.
// SAFETY: `buffer` and `latest` are used in the poll callbacks alone, which all run on the loop's thread.
final class KernelWatch: @unchecked Sendable {
    private let loop: EventLoop
    private let rules: Int32
    private let routes: Int32
    private let ownPort = UInt32(bitPattern: getpid())
    private var buffer = [UInt8](repeating: 0, count: 256 * 1024)
    private var sources: [PollSource] = []
    /// How far the notices have come; not known at first, and after some were lost.
    private var latest: UInt32?
    private let onRules: @Sendable (RulesEvent, _ noticed: Double) -> Void
    private let onLost: @Sendable (_ noticed: Double) -> Void
    private let onLinkGone: @Sendable (String) -> Void

    /// Opens both sockets in the namespace of the calling thread.
    ///
    /// - Throws: `NetlinkError`.
    init(
        on loop: EventLoop, onRules: @escaping @Sendable (RulesEvent, Double) -> Void,
        onLost: @escaping @Sendable (Double) -> Void, onLinkGone: @escaping @Sendable (String) -> Void
    ) throws(NetlinkError) {
        self.loop = loop
        self.onRules = onRules
        self.onLost = onLost
        self.onLinkGone = onLinkGone
        // Ports of its own, so that the process' id is left to libnftables: that is how its transactions are known.
        rules = try Self.open(CL_NETLINK_NETFILTER, UInt32(CL_NFNLGRP_NFTABLES), port: ownPort | 0x2000_0000)
        routes = try Self.open(CL_NETLINK_ROUTE, UInt32(CL_RTNLGRP_LINK), port: ownPort | 0x2000_0000)
    }

    private static func open(_ family: Int, _ group: UInt32, port: UInt32) throws(NetlinkError) -> Int32 {
        let fd = cl_nl_open(Int32(family), port)
        guard fd >= 0 else { throw NetlinkError(errno: -fd, operation: "watch the kernel") }
        _ = cl_nl_buffer(fd, 4 * 1024 * 1024)
        let joined = cl_nl_join(fd, group)
        guard joined >= 0 else {
            close(fd)
            throw NetlinkError(errno: -joined, operation: "watch the kernel")
        }
        return fd
    }

    /// Begins to listen.
    func start() {
        let changes = PollSource(rules, on: loop)
        changes.onReadable { [self] in drain(rules, takeRules) }
        let links = PollSource(routes, on: loop)
        links.onReadable { [self] in drain(routes, takeLinks) }
        sources = [changes, links]
    }

    private func drain(_ fd: Int32, _ take: ([NetlinkReply]) -> Void) {
        let noticed = HelperCore.now()
        var replies: [NetlinkReply] = []
        while true {
            var length = 0
            let got = buffer.withUnsafeMutableBytes { cl_nl_recv(fd, $0.baseAddress, $0.count, &length, 1) }
            if got == -Int(ENOBUFS) {
                latest = nil
                replies = []
                onLost(noticed)
                continue
            }
            guard got >= 0 else { break }
            replies += NetlinkReply.all(in: Array(buffer[..<got]))
        }
        take(replies)
    }

    private func takeRules(_ replies: [NetlinkReply]) {
        let event = RulesEvent(replies, ownPort: ownPort, latest: latest)
        latest = event.latest
        if event.isTouched { onRules(event, HelperCore.now()) }
    }

    private func takeLinks(_ replies: [NetlinkReply]) {
        for reply in replies where reply.type == CL_RTM_DELLINK && reply.payload.first == 0 {
            if let link = LinkInfo(reply) { onLinkGone(link.name) }
        }
    }
}
