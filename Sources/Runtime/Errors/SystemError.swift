internal import CLibuv
internal import Glibc

/// A system call that failed.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The positive errno.
    public let errno: CInt
    /// What was attempted, in words that make sense in a message: "bind /run/x.sock".
    public let operation: String

    /// Takes a positive errno; a negative one, as C functions return it, is turned round.
    public init(errno: CInt, operation: String) {
        self.errno = abs(errno)
        self.operation = operation
    }

    /// The system's words for the errno.
    public var message: String {
        // SAFETY: strerror's answer is read at once; for known numbers it is constant text.
        unsafe String(cString: strerror(errno))
    }

    /// "bind /run/x.sock: Permission denied".
    public var description: String { "\(operation): \(message)" }

    /// Hands on a result of CLinux, or throws its negative errno.
    @discardableResult
    package static func check<Value: BinaryInteger>(
        _ value: Value, _ operation: @autoclosure () -> String
    ) throws(SystemError) -> Value {
        if value < 0 { throw SystemError(errno: CInt(truncatingIfNeeded: value), operation: operation()) }
        return value
    }
}

/// A libuv operation that failed.
public struct UVError: Error, Hashable, Sendable, CustomStringConvertible {
    /// libuv's negative code; on Linux the negative errno, or one of libuv's own such as `UV_EOF`.
    public let code: CInt
    /// What was attempted.
    public let operation: String

    /// Wraps a negative code.
    public init(code: CInt, operation: String) {
        self.code = code
        self.operation = operation
    }

    /// libuv's words for the code.
    public var message: String {
        // SAFETY: uv_strerror gives constant text for known codes; the few bytes that an unknown one leaks are accepted.
        unsafe String(cString: uv_strerror(code))
    }

    /// "read: connection reset by peer".
    public var description: String { "\(operation): \(message)" }

    /// The handle was closed, or its loop shut down, while the operation was under way.
    public static let cancelledCode = CInt(UV_ECANCELED.rawValue)

    /// The peer broke the rules of the protocol that a stream's filter speaks, or was turned away by them.
    public static let protocolCode = CInt(UV_EPROTO.rawValue)

    /// Another task is doing what one task at a time may do.
    public static let busyCode = CInt(UV_EBUSY.rawValue)

    static let timedOutCode = CInt(UV_ETIMEDOUT.rawValue)

    /// Whether this is the end that closing our own side brings about.
    public var isCancelled: Bool { code == Self.cancelledCode }
    /// Whether another task was in the way: nothing has happened to the object itself.
    public var isBusy: Bool { code == Self.busyCode }
    /// Whether the peer cut the connection.
    public var isReset: Bool { code == CInt(UV_ECONNRESET.rawValue) || code == CInt(UV_EPIPE.rawValue) }
    /// Whether nobody listens there.
    public var isRefused: Bool { code == CInt(UV_ECONNREFUSED.rawValue) || code == CInt(UV_ENOENT.rawValue) }

    @discardableResult
    static func check(_ code: CInt, _ operation: @autoclosure () -> String) throws(UVError) -> CInt {
        if code < 0 { throw UVError(code: code, operation: operation()) }
        return code
    }

    /// What a second reader gets.
    package static func busy(_ operation: String) -> UVError { UVError(code: busyCode, operation: operation) }
    static func cancelled(_ operation: String) -> UVError { UVError(code: cancelledCode, operation: operation) }
}
