internal import CLinux

/// One message from the kernel, cut out of a datagram.
package struct NetlinkReply: Sendable, Equatable {
    /// RTM_..., or for netfilter the subsystem in the high byte.
    package let type: Int
    package let flags: Int
    package let sequence: UInt32
    /// For an answer our own port; for an event the port of the socket whose request caused it (0: the kernel itself).
    package let port: UInt32
    /// Fixed part and attributes.
    package let payload: [UInt8]

    package init(type: Int, flags: Int = 0, sequence: UInt32 = 0, port: UInt32, payload: [UInt8]) {
        self.type = type
        self.flags = flags
        self.sequence = sequence
        self.port = port
        self.payload = payload
    }

    /// Cuts a datagram into messages. A cut-off rest is left out: the socket reads whole datagrams, so that means a kernel
    /// that speaks another language, and the request then fails for want of an answer.
    package static func all(in datagram: [UInt8]) -> [NetlinkReply] {
        var replies: [NetlinkReply] = []
        var at = 0
        while at + 16 <= datagram.count {
            let length = Int(datagram.native(UInt32.self, at: at))
            guard length >= 16, at + length <= datagram.count else { break }
            replies.append(
                NetlinkReply(
                    type: Int(datagram.native(UInt16.self, at: at + 4)),
                    flags: Int(datagram.native(UInt16.self, at: at + 6)),
                    sequence: datagram.native(UInt32.self, at: at + 8),
                    port: datagram.native(UInt32.self, at: at + 12),
                    payload: Array(datagram[at + 16..<at + length])))
            at += (length + 3) & ~3
        }
        return replies
    }

    /// The attributes behind a fixed part of `offset` bytes.
    package func attributes(after offset: Int) -> NetlinkAttributes {
        NetlinkAttributes(payload.count > offset ? Array(payload[((offset + 3) & ~3)...]) : [])
    }

    /// The error of an NLMSG_ERROR message: nil for an acknowledgement.
    package func error(_ operation: String) -> NetlinkError? {
        guard payload.count >= 4 else { return NetlinkError(errno: 5, operation: operation, text: "a short answer") }
        let code = payload.native(Int32.self, at: 0)
        guard code != 0 else { return nil }
        var text = ""
        if flags & CL_NLM_F_ACK_TLVS != 0 {
            // The request's header follows the code, and its body too unless the kernel capped it.
            let echoed = payload.count >= 8 ? Int(payload.native(UInt32.self, at: 4)) : 16
            let offset = flags & CL_NLM_F_CAPPED != 0 ? 20 : 4 + echoed
            text = attributes(after: offset).text(CL_NLMSGERR_ATTR_MSG) ?? ""
        }
        return NetlinkError(errno: -code, operation: operation, text: text)
    }
}

/// Attributes by type. Repeated types keep the first.
package struct NetlinkAttributes: Sendable, Equatable {
    private(set) var values: [Int: [UInt8]] = [:]

    package init(_ bytes: [UInt8]) {
        var at = 0
        while at + 4 <= bytes.count {
            let length = Int(bytes.native(UInt16.self, at: at))
            let type = Int(bytes.native(UInt16.self, at: at + 2)) & CL_NLA_TYPE_MASK
            guard length >= 4, at + length <= bytes.count else { break }
            if values[type] == nil { values[type] = Array(bytes[at + 4..<at + length]) }
            at += (length + 3) & ~3
        }
    }

    package subscript(_ type: Int) -> [UInt8]? { values[type] }

    /// A 32-bit number in the machine's order.
    package func number(_ type: Int) -> UInt32? {
        guard let bytes = values[type], bytes.count >= 4 else { return nil }
        return bytes.native(UInt32.self, at: 0)
    }

    /// A 32-bit number in network order, as netfilter has them.
    package func bigNumber(_ type: Int) -> UInt32? { number(type).map { UInt32(bigEndian: $0) } }

    /// A string up to its zero.
    package func text(_ type: Int) -> String? {
        values[type].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    package func nested(_ type: Int) -> NetlinkAttributes? { values[type].map { NetlinkAttributes($0) } }
}

extension [UInt8] {
    /// The number at an offset, in the machine's order; zero where the bytes end before it does.
    package func native<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, at offset: Int) -> T {
        guard offset >= 0, offset + MemoryLayout<T>.size <= count else { return 0 }
        // SAFETY: the bounds are checked above and the buffer is read inside the closure only.
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
    }
}
