internal import CLinux

/// One netlink request, built as bytes: header, fixed part, attributes. Pure; nothing is sent here.
///
/// Attributes are appended in order and padded to four bytes; nested ones are closed when their closure returns. The
/// sequence number is written when the message is encoded, by the socket that sends it.
package struct NetlinkMessage: Sendable {
    /// What is asked, for errors: "add link b1".
    package let what: String
    let type: UInt16
    let flags: UInt16
    private(set) var body: [UInt8]

    /// A request of `type` (RTM_...) whose fixed part is `header`.
    package init(_ what: String, type: Int, flags: Int = 0, header: [UInt8]) {
        self.what = what
        self.type = UInt16(truncatingIfNeeded: type)
        self.flags = UInt16(truncatingIfNeeded: flags | CL_NLM_F_REQUEST)
        self.body = header
        pad()
    }

    private mutating func pad() {
        while body.count % 4 != 0 { body.append(0) }
    }

    /// Appends an attribute with a value of raw bytes.
    package mutating func add(_ type: Int, _ value: [UInt8]) {
        body.appendNative(UInt16(4 + value.count))
        body.appendNative(UInt16(truncatingIfNeeded: type))
        body += value
        pad()
    }

    /// Appends a number in the byte order of the machine, as rtnetlink has nearly everywhere.
    package mutating func add(_ type: Int, _ value: some FixedWidthInteger) {
        var bytes: [UInt8] = []
        bytes.appendNative(value)
        add(type, bytes)
    }

    /// Appends a string with its closing zero.
    package mutating func add(_ type: Int, _ text: String) {
        add(type, Array(text.utf8) + [0])
    }

    /// Appends an attribute that holds attributes.
    package mutating func nest(_ type: Int, _ fill: (inout NetlinkMessage) -> Void) {
        let start = body.count
        body.appendNative(UInt16(0))
        body.appendNative(UInt16(truncatingIfNeeded: type | CL_NLA_F_NESTED))
        fill(&self)
        var length: [UInt8] = []
        length.appendNative(UInt16(body.count - start))
        body.replaceSubrange(start..<start + 2, with: length)
    }

    /// Appends bytes that are no attribute (the ifinfomsg inside VETH_INFO_PEER).
    package mutating func addRaw(_ bytes: [UInt8]) {
        body += bytes
        pad()
    }

    /// The bytes to send.
    package func encoded(sequence: UInt32, extraFlags: Int = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16 + body.count)
        bytes.appendNative(UInt32(16 + body.count))
        bytes.appendNative(type)
        bytes.appendNative(flags | UInt16(truncatingIfNeeded: extraFlags))
        bytes.appendNative(sequence)
        bytes.appendNative(UInt32(0))
        return bytes + body
    }
}

extension [UInt8] {
    /// Appends a number as the machine keeps it.
    package mutating func appendNative(_ value: some FixedWidthInteger) {
        // SAFETY: the buffer is read inside the closure only.
        Swift.withUnsafeBytes(of: value) { self.append(contentsOf: $0) }
    }

    /// Appends a number with the highest byte first, as the network has it.
    package mutating func appendBig(_ value: some FixedWidthInteger) {
        appendNative(value.bigEndian)
    }
}
