/// Why a monitor can't be used, or why a command got no result.
///
/// Decide by `code`, and by `errorClass` for a command that QEMU refused; the texts are for people.
public struct MonitorError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is. More may be added.
    public struct Code: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
        /// The code as it is written into logs.
        public let rawValue: String

        /// A code from its text.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// Nobody listens on the socket, or it may not be opened.
        public static let unreachable = Code(rawValue: "unreachable")
        /// The connection stands, but no greeting came: QEMU hangs, or another client holds the monitor.
        public static let noGreeting = Code(rawValue: "no-greeting")
        /// No answer within the command's deadline. Whether it took effect is unknown: query.
        public static let timeout = Code(rawValue: "timeout")
        /// The connection is closed. The outcome of a command in flight is unknown: query after a reconnect.
        public static let closed = Code(rawValue: "closed")
        /// QEMU answered with an error; see `errorClass`.
        public static let refused = Code(rawValue: "refused")
        /// A line longer than the limit.
        public static let tooLarge = Code(rawValue: "too-large")
        /// Something that is no message of the protocol.
        public static let malformed = Code(rawValue: "malformed")
        /// Too many commands are unanswered; QEMU does not read.
        public static let busy = Code(rawValue: "busy")

        /// The code's text.
        public var description: String { rawValue }
    }

    /// What kind of failure it is.
    public var code: Code
    /// One sentence for people.
    public var message: String
    /// The command that failed, if it was one.
    public var command: String?
    /// QEMU's error class (`GenericError`, `CommandNotFound`, `DeviceNotFound`, ...), for `refused` only.
    public var errorClass: String?

    /// An error.
    public init(_ code: Code, _ message: String, command: String? = nil, errorClass: String? = nil) {
        self.code = code
        self.message = message
        self.command = command
        self.errorClass = errorClass
    }

    /// One line with all of it.
    public var description: String {
        let about = command.map { "\($0): " } ?? ""
        let kind = errorClass.map { " (\($0))" } ?? ""
        return "\(about)\(message)\(kind) [monitor.\(code)]"
    }
}
