internal import ArgumentParser
internal import CLinux
internal import Glibc
internal import Model
package import Runtime

/// Reads the command line and finds what is to run. Everything up to `Command.run` happens without threads.
package struct Launcher {
    package enum Prepared {
        /// All is done already: help was printed, the command line is wrong, or the command needed no loop.
        case done(CommandStatus)
        case run(Command)
    }

    /// A command with all that it needs, to be run on a loop.
    package struct Command: Sendable {
        fileprivate var command: any ParsableCommand & Sendable
        fileprivate var host: HostContext

        package func run(on loop: EventLoop) async -> CommandStatus {
            do {
                switch command {
                case let command as any NodeCommand:
                    try await command.run(try Launcher.session(command.globals, host, loop))
                case let command as any HostCommand: try await command.run(host)
                default: return .failed
                }
                return .ok
            } catch {
                return Launcher.report(error, host.terminal)
            }
        }
    }

    var arguments: [String]
    var environment: [String: String]
    var terminal: Terminal

    package init(arguments: [String], environment: [String: String], terminal: Terminal = .standard) {
        self.arguments = arguments
        self.environment = environment
        self.terminal = terminal
    }

    /// Parses, and runs what must run early.
    package func prepare() -> Prepared {
        do {
            let parsed = try Root.parseAsRoot(GlobalFlagOrder.normalized(arguments, tree: Root.tree))
            switch parsed {
            case let command as any EarlyCommand:
                try command.runEarly(try context(command))
                return .done(.ok)
            case let command as any NodeCommand:
                return .run(Command(command: command, host: try context(command)))
            case let command as any HostCommand:
                return .run(Command(command: command, host: try context(command)))
            default:
                var parsed = parsed
                // A group without a command, and --help: the parser prints what there is.
                try parsed.run()
                return .done(.ok)
            }
        } catch let failure as CommandFailure {
            return .done(Self.report(failure, terminal))
        } catch {
            return .done(Self.reportParsing(error, terminal))
        }
    }

    /// Why a command line can't be parsed, nil where it can: what messages tell to type must be of use.
    package static func complaint(about arguments: [String]) -> String? {
        do {
            let command = try Root.parseAsRoot(GlobalFlagOrder.normalized(arguments, tree: Root.tree))
            if let command = command as? any FlaggedCommand {
                try type(of: command).flagUse.check(command.globals)
            } else if !arguments.contains("--help") {
                return "\(arguments.joined(separator: " ")) is no whole command"
            }
            return nil
        } catch let failure as CommandFailure {
            return failure.line
        } catch {
            return Root.exitCode(for: error) == .success ? nil : Root.message(for: error)
        }
    }

    /// One line for what the parser refuses; help goes to standard output as it is.
    private static func reportParsing(_ error: any Error, _ terminal: Terminal) -> CommandStatus {
        guard Root.exitCode(for: error) != .success else {
            terminal.write(Root.fullMessage(for: error) + "\n")
            return .ok
        }
        let message = Root.message(for: error).split(separator: "\n").first.map(String.init) ?? "wrong arguments"
        let trimmed = message.hasSuffix(".") ? String(message.dropLast()) : message
        terminal.tell("error: \(CommandFailure.oneLine(trimmed)); see: \(help(error))")
        return .usage
    }

    /// The command whose help shows what was expected: the parser ends a refusal with `See '... --help'`.
    private static func help(_ error: any Error) -> String {
        let text = Root.fullMessage(for: error)
        return text.firstMatch(of: /See '(uncloud-node[a-z ]* --help)'/).map { String($0.1) } ?? "uncloud-node --help"
    }

    /// Tells an error in one line.
    static func report(_ error: any Error, _ terminal: Terminal) -> CommandStatus {
        if let told = error as? CommandsFailed { return told.status }
        let failure = Failures.failure(of: error)
        terminal.tell("error: \(failure.line)")
        return failure.status
    }

    private func context(_ command: some FlaggedCommand) throws(CommandFailure) -> HostContext {
        let globals = command.globals
        try type(of: command).flagUse.check(globals)
        // What the environment asks for holds where the command knows it.
        let usual = try environmentFormat().flatMap { type(of: command).flagUse.formats.contains($0) ? $0 : nil }
        let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 }
        var renderer = Renderer(
            format: globals.output ?? usual, headers: !globals.noHeaders, now: Self.now())
        renderer.showsSecrets = false
        return HostContext(
            globals: globals, environment: environment, loader: ConfigurationLoader(host: loaderHost()),
            terminal: terminal,
            renderer: renderer,
            reader: ArgumentReader(
                readFile: { path throws(CommandFailure) in
                    guard let bytes = try HostFiles.read(path) else {
                        throw CommandFailure(.usage, "\(quoted(path)) does not exist", fix: "name an existing file")
                    }
                    return bytes
                }, readInput: { () throws(CommandFailure) in try HostFiles.drain(0, "standard input") }, home: home,
                workingDirectory: Self.workingDirectory()),
            executable: Self.executable())
    }

    private func environmentFormat() throws(CommandFailure) -> OutputFormat? {
        guard let text = environment["UNCLOUD_OUTPUT"], !text.isEmpty else { return nil }
        guard let format = OutputFormat(rawValue: text) else {
            throw CommandFailure(
                .usage, "\(quoted(text)) is no format", field: "UNCLOUD_OUTPUT",
                fix: "one of \(OutputFormat.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return format
    }

    private func loaderHost() -> ConfigurationLoader.Host {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        return ConfigurationLoader.Host(
            isRoot: geteuid() == 0,
            hostName: String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self),
            environment: environment,
            readFile: { path throws(CommandFailure) in
                try HostFiles.read(path).map { String(decoding: $0, as: UTF8.self) }
            },
            listDirectory: { HostFiles.list($0) })
    }

    private static func session(_ globals: GlobalOptions, _ host: HostContext, _ loop: EventLoop) throws(CommandFailure)
        -> Session
    {
        let deadline = try globals.deadline()
        let labels = try globals.selectors.map { text throws(CommandFailure) in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw CommandFailure(.usage, "\(quoted(text)) is no label", field: "--selector", fix: "write -l k=v")
            }
            return (name: parts[0], value: parts[1])
        }
        let run = host.load().settings["node.run-directory"] ?? ""
        let client = ControlClient(
            socketPath: run + "/api.sock", loop: loop, timeout: deadline.map { max($0, .seconds(1)) } ?? .seconds(60))
        let owner = globals.owner ?? host.environment["UNCLOUD_OWNER"].flatMap { $0.isEmpty ? nil : $0 } ?? "default"
        return Session(
            client: client, terminal: host.terminal, renderer: host.renderer, reader: host.reader, owner: owner,
            labels: labels, dryRun: globals.dryRun, assumesYes: globals.yes, deadline: deadline)
    }

    private static func now() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }

    private static func workingDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    /// This program's file, as the kernel has it.
    private static func executable() -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard length > 0 else { return CommandLine.arguments.first ?? "uncloud-node" }
        return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
