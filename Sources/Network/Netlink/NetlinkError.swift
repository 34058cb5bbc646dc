internal import Glibc

/// What the kernel said to a netlink request: its errno, and its own words (the extended ack) where it had some.
package struct NetlinkError: Error, Sendable, Equatable, CustomStringConvertible {
    package let errno: Int32
    package let operation: String
    /// The extended ack's text; empty if there was none.
    package let text: String

    package init(errno: Int32, operation: String, text: String = "") {
        self.errno = errno
        self.operation = operation
        self.text = text
    }

    package var description: String {
        let reason = String(cString: strerror(errno))
        return text.isEmpty ? "\(operation): \(reason)" : "\(operation): \(text) (\(reason))"
    }
}
