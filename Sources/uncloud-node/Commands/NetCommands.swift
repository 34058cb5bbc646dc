internal import ArgumentParser

/// `net`
struct Net: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The network namespace that the VMs' networks live in.", subcommands: [Exec.self])

    struct Exec: EarlyCommand {
        static let flagUse = GlobalFlagUse.action
        static let configuration = CommandConfiguration(
            abstract: "Run a command in the VMs' network namespace.",
            discussion:
                "Works as root and as the ordinary user whose node it is. Example: uncloud-node net exec -- ip address")
        @Argument(parsing: .postTerminator, help: "The command and its arguments, after --.") var command: [String] = []
        @OptionGroup var globals: GlobalOptions

        func runEarly(_ host: HostContext) throws {
            guard !command.isEmpty else {
                throw CommandFailure(
                    .usage, "is missing", field: "COMMAND",
                    fix: "write: uncloud-node net exec -- ip address")
            }
            let run = host.load().settings["node.run-directory"] ?? ""
            try NamespaceEntry.enter(holderFile: run + "/holder.pid")
            throw NamespaceEntry.execute(command)
        }
    }
}
