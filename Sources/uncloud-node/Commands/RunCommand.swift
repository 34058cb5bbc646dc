internal import ArgumentParser

/// `run`
struct Run: HostCommand {
    static let flagUse = GlobalFlagUse.action
    static let configuration = CommandConfiguration(
        abstract: "Run the daemon, in the foreground.",
        discussion: """
            SIGTERM and SIGINT end the daemon and leave the VMs, their network and their consoles as they are; "down" \
            removes them. Under systemd (Type=notify) it tells when it is ready.
            """)
    @Flag(help: "Stay in the foreground; this is the default.") var foreground = false
    @Option(help: ArgumentHelp("The name of the network namespace under /run/netns (root).", valueName: "name"))
    var namespace: String?
    @Option(help: "What runs the guests' processors: auto, kvm or tcg.") var accelerator: String?
    @Option(name: .customLong("log-level"), help: "trace, debug, info, notice, warning or error.") var logLevel: String?
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp("A setting of the configuration; see config show.", valueName: "key=value"))
    var assignments: [String] = []
    @OptionGroup var globals: GlobalOptions

    func run(_ host: HostContext) async throws {
        let flags = [("node.namespace", namespace), ("node.accelerator", accelerator), ("log.level", logLevel)]
        let settings = try host.settings(assignments + flags.compactMap { key, value in value.map { "\(key)=\($0)" } })
        try await Daemon(settings: settings, host: host).run()
    }
}
