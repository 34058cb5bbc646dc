/// What is said on the keeper's socket: one JSON object a line, a request and its answer in turn. After the answer to
/// `stream` the connection carries the console's bytes both ways.
enum KeeperProtocol {
    static let version: Int64 = 1
    /// The longest line of either side.
    static let lineLimit = 1 << 20
}

/// A console as the keeper knows it.
package struct ConsoleInfo: Sendable, Hashable, Codable {
    /// The VM.
    package var uuid: String
    /// Whether QEMU is at the other end.
    package var connected: Bool
    /// Bytes read from the guest since the keeper was told of it.
    package var received: Int64
    /// Bytes that the log could not hold: its disk is full or gone.
    package var lost: Int64
    /// Streams attached.
    package var streams: Int
}

/// One request.
struct KeeperRequest: Codable, Sendable {
    enum Operation: String, Codable, Sendable { case hello, attach, detach, list, stream }

    var op: Operation
    var uuid: String?
    /// `attach`: the serial port's socket and the log it goes to.
    var socket: String?
    var log: String?
    /// `attach`: a new QEMU listens there; connect to it even if the old one's end has not been read yet.
    var fresh: Bool?
    /// `attach`: the pipe of QEMU's errors and the log it goes to.
    var errorPipe: String?
    var errorLog: String?
    /// `attach`: the bytes that each log keeps.
    var limit: Int?
    /// `stream`: how many bytes of the log to send first.
    var replay: Int?
    /// `stream`: whether what the client sends goes to the guest.
    var input: Bool?

    init(_ op: Operation, uuid: String? = nil) {
        self.op = op
        self.uuid = uuid
    }
}

/// The answer to a request.
struct KeeperAnswer: Codable, Sendable {
    var ok: Bool
    var code: String?
    var message: String?
    /// `hello`.
    var version: Int64?
    var pid: Int32?
    /// `attach`: whether QEMU's serial port is connected already.
    var connected: Bool?
    /// `list`.
    var consoles: [ConsoleInfo]?

    static func done() -> Self { Self(ok: true) }

    static func refused(_ code: String, _ message: String) -> Self { Self(ok: false, code: code, message: message) }
}
