internal import ArgumentParser
internal import JSON
internal import Runtime

extension VM {
    struct Log: NodeCommand {
        static let flagUse = GlobalFlagUse.bytes
        static let configuration = CommandConfiguration(abstract: "Print the kept end of a VM's console output.")
        @Argument(help: "The VM's name.", completion: .vmNames) var name: String
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            session.terminal.write(try await session.client.bytes(session.path("vms", name, "log")))
        }
    }

    struct Console: NodeCommand {
        static let flagUse = GlobalFlagUse.action
        static let configuration = CommandConfiguration(
            abstract: "Attach to a VM's serial console; ^] leaves.",
            discussion: """
                Without a terminal, bytes are copied both ways; when standard input ends, what still comes is printed \
                until the console is silent for a second, or, with --until, until the text was seen. With --send or \
                --until standard input is not read: the lines are sent, output is printed until the text is seen \
                (exit status 0) or --timeout (20s unless given) has passed (exit status 5).
                """)
        @Argument(help: "The VM's name.", completion: .vmNames) var name: String
        @Option(
            parsing: .singleValue,
            help: ArgumentHelp("A line to send, ended by a line feed. May be given several times.", valueName: "line"))
        var send: [String] = []
        @Option(
            help: ArgumentHelp(
                "The text that ends it, or a regular expression between slashes.", valueName: "text|/regex/"))
        var until: String?
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            let pattern = try until.map { text throws(CommandFailure) in try ConsolePattern(text) }
            let connection = try await session.client.upgrade(
                session.path("vms", name, "console"), to: ConsoleUpgrade.protocolName)
            defer { connection.close() }
            let dialogue = ConsoleDialogue(connection: connection, terminal: session.terminal)
            guard send.isEmpty, pattern == nil else {
                let deadline = session.deadline ?? .seconds(20)
                return try await dialogue.script(send, until: pattern, within: deadline, name: name)
            }
            try await dialogue.attach(within: session.deadline)
        }
    }
}
