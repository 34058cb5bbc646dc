internal import Glibc

/// The process modes of this module, by the words behind `internal` on the command line: `holder`, `helper`, `service`,
/// `probe`.
///
/// Ends with status 2 and a line on standard error for any other word. Must be called before the process has a second thread.
package func runNetHelperMode(_ arguments: [String]) -> Never {
    let rest = Array(arguments.dropFirst())
    switch arguments.first {
    case "holder": runHolder(arguments: rest)
    case "helper": runNetHelper(arguments: rest)
    case "service": runService(arguments: rest)
    case "probe": runProbe()
    default: ModeExit.usage("unknown mode \"\(arguments.first ?? "")\": holder, helper, service or probe")
    }
}
