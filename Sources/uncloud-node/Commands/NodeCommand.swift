internal import ArgumentParser

/// What all commands have: the global flags, and what they make of them.
protocol FlaggedCommand: ParsableCommand {
    static var flagUse: GlobalFlagUse { get }
    var globals: GlobalOptions { get }
}

/// A command that talks to a node by its control API.
protocol NodeCommand: FlaggedCommand, Sendable {
    /// Does it; results go to the session's terminal.
    ///
    /// - Throws: whatever `Failures` can put into a line.
    func run(_ session: Session) async throws
}

/// A command that works on this host, with or without a daemon.
protocol HostCommand: FlaggedCommand, Sendable {
    func run(_ host: HostContext) async throws
}

/// A command that must run before the process has threads, since it changes what the process is.
protocol EarlyCommand: FlaggedCommand {
    func runEarly(_ host: HostContext) throws
}
