import Foundation
import JSON
import QemuMonitor
import Runtime

/// A monitor that misbehaves as told, one client at a time, on a unix socket of its own: for the faults that no real
/// QEMU shows on demand, and for numbers of machines that no test machine holds.
final class FakeQEMU: Sendable {
    /// What to do with a command.
    enum Reaction: Sendable {
        case result(JSONValue)
        case failure(class: String, text: String)
        /// Sent as it stands.
        case raw(String)
        case silence
        case hangUp
    }

    typealias Answer = @Sendable (_ command: String, _ arguments: JSONValue?) -> [Reaction]

    static let greeting =
        #"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "fake"}, "capabilities": ["oob"]}}"#

    let path: String
    /// The commands in the order of their coming, `qmp_capabilities` left out.
    let commands = AsyncChannel<String>(capacity: 4096)
    private let directory: String
    private let greets: Bool
    private let reads: Bool
    private let answer: Answer
    private let loop: EventLoop
    private let client = Locked<Connection?>(nil)
    private let listener = Locked<Listener?>(nil)

    /// A monitor that listens when this returns. `greets`: whether clients are greeted at all; `reads`: whether anything
    /// is read after the greeting; `answer`: what to do with each command but `qmp_capabilities`.
    init(
        on loop: EventLoop, greets: Bool = true, reads: Bool = true,
        answer: @escaping Answer = { _, _ in [.result([:])] }
    ) async throws {
        directory = FileManager.default.temporaryDirectory.path + "/fake-qemu-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        path = directory + "/qmp.sock"
        self.loop = loop
        self.greets = greets
        self.reads = reads
        self.answer = answer
        let descriptor = try Listener.socket(on: .unix(path: path))
        try await spawn(on: loop, "fake listen") {
            let listener = try Listener(adopting: descriptor, on: loop) { [weak self] in self?.accepted($0) }
            self.listener.withLock { $0 = listener }
        }.value
    }

    /// Writes a line to the client.
    func say(_ line: String) async throws {
        try await client.withLock { $0 }?.write(Array((line + "\r\n").utf8))
    }

    /// Tells of an event.
    func emit(_ event: String, _ data: String = "{}") async throws {
        try await say(#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "\#(event)", "data": \#(data)}"#)
    }

    /// Closes the client's connection; with a reset instead of an end of file if told so.
    func hangUp(reset: Bool = false) {
        let connection = client.withLock { client in
            defer { client = nil }
            return client
        }
        if reset { connection?.reset() } else { connection?.close() }
    }

    func stop() {
        hangUp()
        let listener = listener.withLock { $0 }
        loop.run { listener?.close() }
        try? FileManager.default.removeItem(atPath: directory)
    }

    private func accepted(_ descriptor: CInt) {
        let connection = Connection(adopting: descriptor, on: loop)
        client.withLock { $0 = connection }
        spawn(on: loop, "fake client") { try await self.serve(connection) }
    }

    private func serve(_ connection: Connection) async throws {
        guard greets else { return }
        try await connection.write(Array((Self.greeting + "\r\n").utf8))
        guard reads else { return }
        var framer = LineFramer()
        while let bytes = try await connection.read() {
            for line in try framer.append(bytes.span) {
                try await react(to: try JSONValue(parsing: line), connection)
            }
        }
    }

    private func react(to command: JSONValue, _ connection: Connection) async throws {
        let name = command["execute"]?.stringValue ?? ""
        var reactions: [Reaction] = [.result([:])]
        if name != "qmp_capabilities" {
            _ = commands.trySend(name)
            reactions = answer(name, command["arguments"])
        }
        for reaction in reactions {
            let reply: JSONValue
            switch reaction {
            case .result(let value): reply = ["return": value, "id": command["id"] ?? .null]
            case .failure(let name, let text):
                reply = ["error": ["class": .string(name), "desc": .string(text)], "id": command["id"] ?? .null]
            case .raw(let text):
                try await connection.write(Array(text.utf8))
                continue
            case .silence: continue
            case .hangUp: return hangUp()
            }
            try await connection.write(reply.encoded() + Array("\r\n".utf8))
        }
    }
}
