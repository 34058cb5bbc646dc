import Actors
import Foundation
import HTTP
import Logging
import Runtime
import TestSupport
import uncloud_node

/// Runs whole command lines in this process against the control API of a fake node, on a real socket.
final class CommandHarness: Sendable {
    struct Result: Sendable {
        var status: CommandStatus
        var output: String
        var messages: String
    }

    let node: FakeNode
    let directory: TemporaryDirectory
    private let server: Server

    init(_ node: FakeNode = FakeNode()) async throws {
        self.node = node
        directory = try TemporaryDirectory("cli")
        server = Server(
            loop: TestLoops.other, configuration: ControlAPI.serverConfiguration, handler: APIHarness(node).api)
        try FileManager.default.createDirectory(atPath: directory.file("run"), withIntermediateDirectories: true)
        _ = try await server.listen(on: .unix(path: directory.file("run/api.sock")))
    }

    func stop() async { await server.stop(within: .seconds(1)) }

    /// Runs a command line; standard input is what the launcher's reader gets.
    func run(_ arguments: [String], environment: [String: String] = [:]) async -> Result {
        await Self.run(["--directory", directory.path] + arguments, environment: environment)
    }

    /// Runs a command line that names no directory.
    static func run(_ arguments: [String], environment: [String: String] = [:]) async -> Result {
        let sink = Sink()
        let terminal = Terminal(write: { sink.write($0) }, tell: { sink.tell($0) })
        let status: CommandStatus
        switch Launcher(arguments: arguments, environment: environment, terminal: terminal).prepare() {
        case .done(let done): status = done
        case .run(let command):
            status =
                (try? await spawn(on: TestLoops.loop, "command") { await command.run(on: TestLoops.loop) }.value)
                ?? .failed
        }
        return Result(status: status, output: sink.output, messages: sink.messages)
    }

    private final class Sink: Sendable {
        private let state = Locked<(output: [UInt8], messages: [String])>(([], []))

        func write(_ bytes: [UInt8]) { state.withLock { $0.output += bytes } }
        func tell(_ line: String) { state.withLock { $0.messages.append(line) } }
        var output: String { state.withLock { String(decoding: $0.output, as: UTF8.self) } }
        var messages: String { state.withLock { $0.messages.joined(separator: "\n") } }
    }
}
