internal import Actors
internal import ArgumentParser
internal import JSON

/// `version`
struct VersionCommand: HostCommand {
    static let flagUse = GlobalFlagUse.result
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the program's version.")
    @OptionGroup var globals: GlobalOptions

    func run(_ host: HostContext) async throws {
        let version: JSONValue = ["name": "uncloud-node", "version": .string(Version.text)]
        guard host.renderer.format != nil else { return host.terminal.write("uncloud-node \(Version.text)\n") }
        host.terminal.write(host.renderer.look("version", version, rows: [version], usually: .table))
    }
}

/// `completion`
struct Completion: HostCommand {
    static let flagUse = GlobalFlagUse.bytes
    static let configuration = CommandConfiguration(abstract: "Print the completion script of a shell.")
    @Argument(help: "bash, zsh or fish.", completion: .list(["bash", "zsh", "fish"])) var shell: String
    @OptionGroup var globals: GlobalOptions

    func run(_ host: HostContext) async throws {
        let name = try VMSpecBuilder.choice(shell, flag: "SHELL", among: ["bash", "zsh", "fish"])
        guard let shell = CompletionShell(rawValue: name) else { return }
        host.terminal.write(Self.withShortName(Root.completionScript(for: shell), name))
    }

    /// The script, completing for the short link `ucn` too.
    private static func withShortName(_ script: String, _ shell: String) -> String {
        let script = script.hasSuffix("\n") ? script : script + "\n"
        switch shell {
        case "bash":
            return script + script.split(separator: "\n").filter { $0.hasPrefix("complete ") }.map(ofShortName).joined()
        case "zsh":
            return script.replacing("#compdef uncloud-node\n", with: "#compdef uncloud-node ucn\n", maxReplacements: 1)
        default:
            // The script looks its commands up by the program's name.
            let tokens = "    set -l unparsed_tokens (__uncloud-node_tokens -pc)\n"
            let named = "    test \"$unparsed_tokens[1]\" = ucn; and set unparsed_tokens[1] uncloud-node\n"
            return script.replacing(tokens, with: tokens + named, maxReplacements: 1)
                + "complete -c ucn -w uncloud-node\n"
        }
    }

    private static func ofShortName(_ line: Substring) -> String {
        line.split(separator: " ").dropLast().joined(separator: " ") + " ucn\n"
    }
}

/// `config`
struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The node's configuration.", subcommands: [Check.self, Show.self])

    struct Check: HostCommand {
        static let flagUse = GlobalFlagUse.bytes
        static let configuration = CommandConfiguration(
            abstract: "Check the configuration: files, environment and flags.")
        @Argument(help: "A file to check instead of the one under /etc.", completion: .file()) var file: String?
        @Option(
            name: .customLong("set"), parsing: .singleValue, help: ArgumentHelp("A setting.", valueName: "key=value"))
        var assignments: [String] = []
        @OptionGroup var globals: GlobalOptions

        func run(_ host: HostContext) async throws {
            var host = host
            if let file { host.globals.config = file }
            let problems = host.load(assignments).problems
            for problem in problems { host.terminal.tell("error: \(problem.failure.line)") }
            guard problems.isEmpty else { throw CommandsFailed(status: .usage) }
            host.terminal.tell("the configuration is valid")
        }
    }

    struct Show: HostCommand {
        static let flagUse = GlobalFlagUse.result
        static let configuration = CommandConfiguration(
            abstract: "Show every setting, where it comes from, and what it is for.")
        @Option(
            name: .customLong("set"), parsing: .singleValue, help: ArgumentHelp("A setting.", valueName: "key=value"))
        var assignments: [String] = []
        @OptionGroup var globals: GlobalOptions

        func run(_ host: HostContext) async throws {
            host.terminal.write(SettingsView.render(try host.settings(assignments), renderer: host.renderer))
        }
    }
}
