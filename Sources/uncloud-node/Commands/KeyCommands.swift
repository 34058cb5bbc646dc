internal import ArgumentParser
internal import JSON

/// `key`
struct Key: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "SSH public keys kept by name; VMs name them as key:NAME.",
        subcommands: [Add.self, List.self, Delete.self])

    struct Add: NodeCommand {
        static let flagUse = GlobalFlagUse.result
        static let configuration = CommandConfiguration(abstract: "Keep a key.")
        @Argument(help: "Its name.") var name: String
        @Argument(help: ArgumentHelp("Its line, @FILE, or - for standard input.", valueName: "key|@file|-"))
        var key: String
        @Flag(help: "Replace the one of that name.") var replace = false
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            let lines = try session.reader.text(key, flag: "KEY").split(whereSeparator: \.isNewline)
                .map { $0.trimming(" \t") }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
            guard lines.count == 1 else {
                throw CommandFailure(
                    .usage, "holds \(lines.count) keys", field: "KEY",
                    fix: "give a file of one line, such as id_ed25519.pub")
            }
            var conditions = session.conditions
            conditions.createOnly = !replace
            let answer = try await session.client.write(
                "PUT", session.path("keys", name), body: ["spec": ["publicKey": .string(lines[0])]],
                conditions: conditions)
            session.terminal.write(session.renderer.changed(answer.json))
        }
    }

    struct List: NodeCommand {
        static let flagUse = GlobalFlagUse.result
        static let configuration = CommandConfiguration(abstract: "List keys.", aliases: ["ls"])
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws { try await session.showList("keys") }
    }

    struct Delete: NodeCommand {
        static let flagUse = GlobalFlagUse.result
        static let configuration = CommandConfiguration(abstract: "Forget keys.", aliases: ["rm"])
        @Argument(help: "Names.", completion: .keyNames) var names: [String]
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            try session.confirm("Delete key \(names.joined(separator: ", "))?")
            try await session.delete("keys", Targets(names))
        }
    }
}

/// `mac`
struct MACs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mac", abstract: "MAC addresses.", subcommands: [List.self])

    struct List: NodeCommand {
        static let flagUse = GlobalFlagUse.result
        static let configuration = CommandConfiguration(
            abstract: "List all MAC addresses, those that rest before they are used again too.",
            discussion: "Addresses are the host's, so all owners' are listed unless --owner names one.", aliases: ["ls"]
        )
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            var session = session
            if globals.owner == nil { session.owner = "-" }
            try await session.showList("macs")
        }
    }
}
