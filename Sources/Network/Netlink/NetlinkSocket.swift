internal import CLinux
internal import Glibc

/// A netlink socket with one request under way at a time. It belongs for good to the network namespace its opener was in,
/// which is how the helper reaches the namespaces of dnsmasq and, as root, the host's.
///
/// Not Sendable and blocking (the kernel answers within the call, but for the lock it shares with everyone): used from one
/// thread, the helper's worker.
package final class NetlinkSocket {
    private let descriptor: Int32
    private var sequence: UInt32 = 0
    private var buffer = [UInt8](repeating: 0, count: 64 * 1024)

    /// Opens a socket in the calling thread's network namespace.
    package init(protocol family: Int = CL_NETLINK_ROUTE, port: UInt32 = 0) throws(NetlinkError) {
        let fd = cl_nl_open(Int32(family), port)
        guard fd >= 0 else { throw NetlinkError(errno: -fd, operation: "open a netlink socket") }
        descriptor = fd
    }

    /// Takes over a socket that was opened in another namespace.
    package init(adopting descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Sends a request that changes something and waits for its acknowledgement.
    package func change(_ message: NetlinkMessage) throws(NetlinkError) {
        _ = try exchange(message, extraFlags: CL_NLM_F_ACK)
    }

    /// The same, but an errno of `tolerated` is no failure; tells whether the change was made.
    @discardableResult
    package func change(_ message: NetlinkMessage, tolerating tolerated: Int32...) throws(NetlinkError) -> Bool {
        do {
            try change(message)
            return true
        } catch {
            guard tolerated.contains(error.errno) else { throw error }
            return false
        }
    }

    /// Asks for one object.
    package func get(_ message: NetlinkMessage) throws(NetlinkError) -> NetlinkReply {
        let replies = try exchange(message, extraFlags: CL_NLM_F_ACK)
        guard let first = replies.first else { throw NetlinkError(errno: ENOENT, operation: message.what) }
        return first
    }

    /// Asks for all objects; asks again when the kernel says that the list changed under it.
    package func dump(_ message: NetlinkMessage) throws(NetlinkError) -> [NetlinkReply] {
        for _ in 0..<8 {
            let replies = try exchange(message, extraFlags: CL_NLM_F_DUMP)
            if !replies.contains(where: { $0.flags & CL_NLM_F_DUMP_INTR != 0 }) { return replies }
        }
        throw NetlinkError(errno: EINTR, operation: message.what, text: "the list kept changing")
    }

    private func exchange(_ message: NetlinkMessage, extraFlags: Int) throws(NetlinkError) -> [NetlinkReply] {
        sequence &+= 1
        let bytes = message.encoded(sequence: sequence, extraFlags: extraFlags)
        let sent = bytes.withUnsafeBytes { cl_nl_send(descriptor, $0.baseAddress, $0.count) }
        guard sent >= 0 else { throw NetlinkError(errno: Int32(-sent), operation: message.what) }
        var replies: [NetlinkReply] = []
        while true {
            for reply in try receive(message.what) where reply.sequence == sequence {
                switch reply.type {
                case CL_NLMSG_ERROR:
                    if let error = reply.error(message.what) { throw error }
                    return replies
                case CL_NLMSG_DONE:
                    if let error = reply.error(message.what) { throw error }
                    return replies
                default: replies.append(reply)
                }
            }
        }
    }

    private func receive(_ what: String) throws(NetlinkError) -> [NetlinkReply] {
        var length = 0
        let got = buffer.withUnsafeMutableBytes { cl_nl_recv(descriptor, $0.baseAddress, $0.count, &length, 0) }
        guard got >= 0 else { throw NetlinkError(errno: Int32(-got), operation: what) }
        guard length <= buffer.count else {
            throw NetlinkError(errno: EMSGSIZE, operation: what, text: "an answer of \(length) bytes")
        }
        return NetlinkReply.all(in: Array(buffer[..<got]))
    }
}
