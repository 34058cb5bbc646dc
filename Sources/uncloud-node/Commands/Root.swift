internal import Actors
internal import ArgumentParser

/// The tree of commands.
struct Root: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "uncloud-node",
        abstract: "Runs virtual machines on this host and tells each of them who it is.",
        discussion: """
            Results go to standard output, messages to standard error. Exit status: 0 ok, 1 failed, 2 usage, 3 not found, \
            4 exists or conflict, 5 timed out (still in progress), 6 refused, 7 daemon or store unreachable, \
            8 some of several failed, 130 interrupted.
            """,
        version: Version.text,
        subcommands: [
            Run.self, Down.self, Status.self, Doctor.self, VersionCommand.self, Config.self, VM.self, Network.self,
            Key.self,
            MACs.self, Metadata.self, Firewall.self, Who.self, Events.self, Garbage.self, Net.self, Completion.self,
        ])

    /// The words of the commands, for `GlobalFlagOrder`.
    static var tree: GlobalFlagOrder.Tree { tree(of: Root.self) }

    private static func tree(of command: any ParsableCommand.Type) -> GlobalFlagOrder.Tree {
        var words: [String: GlobalFlagOrder.Tree] = [:]
        for child in command.configuration.subcommands {
            let below = tree(of: child)
            words[child._commandName] = below
            for alias in child.configuration.aliases { words[alias] = below }
        }
        return GlobalFlagOrder.Tree(words)
    }
}
