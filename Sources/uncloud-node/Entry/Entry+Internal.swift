internal import Machine
internal import NetHelper

extension Entry {
    /// The processes that outlive the daemon, and that it starts from this same program. They begin before any thread
    /// exists, since some of them change their namespaces first.
    static func runInternal(_ arguments: [String]) -> Never {
        guard arguments.first == "keeper" else { runNetHelperMode(arguments) }
        runConsoleKeeper(arguments: Array(arguments.dropFirst()))
    }
}
