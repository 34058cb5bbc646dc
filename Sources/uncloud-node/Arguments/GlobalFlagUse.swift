/// What a command makes of the flags that all commands share. A flag that it can make nothing of is refused, so that nobody
/// takes it for heard.
struct GlobalFlagUse: Sendable {
    /// The values of `-o` that it knows; none where it has no result that could be shown in one way or another.
    var formats: [OutputFormat]
    /// Whether `-l` chooses what it works on or shows.
    var selects = false
    /// Whether `--dry-run` keeps it from changing anything; what only looks has nothing to be kept from.
    var canRehearse = true

    /// A command whose result is a resource or a collection.
    static let result = GlobalFlagUse(formats: OutputFormat.allCases)
    /// The same of VMs, which labels choose.
    static let selection = GlobalFlagUse(formats: OutputFormat.allCases, selects: true)
    /// A command that prints bytes, or nothing.
    static let bytes = GlobalFlagUse(formats: [])
    /// A command that does something at once and can't pretend to.
    static let action = GlobalFlagUse(formats: [], canRehearse: false)

    /// Refuses what has no meaning for the command.
    ///
    /// - Throws: a failure that names the flag and what is possible.
    func check(_ globals: GlobalOptions) throws(CommandFailure) {
        if let format = globals.output, !formats.contains(format) {
            let possible = formats.map { "-o \($0)" }.joined(separator: ", ")
            throw CommandFailure(
                .usage, "\"\(format)\" has no meaning here", field: "-o",
                fix: formats.isEmpty ? "leave it out" : "possible here: \(possible)")
        }
        if !selects, !globals.selectors.isEmpty {
            throw CommandFailure(
                .usage, "has no meaning here", field: "--selector", fix: "leave it out; only VMs are chosen by labels")
        }
        if !canRehearse, globals.dryRun {
            throw CommandFailure(
                .usage, "has no meaning here: it can only be done", field: "--dry-run", fix: "leave it out")
        }
    }
}
