internal import Machine

/// Runs the processes of Machine for its tests.
@main
enum MachineTool {
    static func main() {
        guard CommandLine.arguments.count > 1, CommandLine.arguments[1] == "keeper" else {
            fatalError("usage: machine-tool keeper --run DIR [--listen-fd N]")
        }
        runConsoleKeeper(arguments: Array(CommandLine.arguments.dropFirst(2)))
    }
}
