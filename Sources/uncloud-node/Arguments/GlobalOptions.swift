internal import ArgumentParser

extension OutputFormat: ExpressibleByArgument {}

/// The flags that every command takes, before or after its name.
struct GlobalOptions: ParsableArguments {
    @Option(
        name: [.customShort("o", allowingJoined: true), .long],
        help: "How to print results: table, wide, json, yaml or name.")
    var output: OutputFormat?

    @Option(
        name: [.customShort("l", allowingJoined: true), .customLong("selector")], parsing: .singleValue,
        help: ArgumentHelp("Only what carries this label; may be given several times.", valueName: "k=v"))
    var selectors: [String] = []

    @Option(help: ArgumentHelp("Whose things are meant ($UNCLOUD_OWNER, else \"default\").", valueName: "name"))
    var owner: String?

    @Flag(name: .customLong("no-headers"), help: "Print tables without their first line.")
    var noHeaders = false

    @Option(help: ArgumentHelp("How long to wait at most, with a unit.", valueName: "60s"))
    var timeout: String?

    @Flag(name: .customLong("dry-run"), help: "Check and answer as the command would; change nothing.")
    var dryRun = false

    @Flag(name: [.customShort("y"), .customLong("yes")], help: "Don't ask.")
    var yes = false

    @Option(
        help: ArgumentHelp(
            "The node whose state is in DIR/state and run-time files in DIR/run ($UNCLOUD_DIRECTORY).", valueName: "dir"
        ), completion: .directory)
    var directory: String?

    @Option(help: ArgumentHelp("The configuration file ($UNCLOUD_CONFIG).", valueName: "file"), completion: .file())
    var config: String?

    /// The deadline, nil where none is given.
    ///
    /// - Throws: what names `--timeout`, where it has no unit.
    func deadline() throws(CommandFailure) -> Duration? {
        guard let timeout else { return nil }
        guard let duration = TimeText.duration(timeout) else {
            throw CommandFailure(
                .usage, "\"\(timeout)\" is no duration with a unit", field: "--timeout", fix: "write it as 60s or 2m")
        }
        return duration
    }
}
