internal import ArgumentParser
internal import JSON
internal import Runtime

/// `status`
struct Status: NodeCommand {
    static let flagUse = GlobalFlagUse.result
    static let configuration = CommandConfiguration(abstract: "Show the node, its parts and what is wrong with them.")
    @OptionGroup var globals: GlobalOptions

    func run(_ session: Session) async throws {
        let status = try await session.client.get("/v1/node").json
        session.terminal.write(session.renderer.look("status", status, rows: [status], usually: .yaml))
        guard session.renderer.format == .table || session.renderer.format == .wide else { return }
        session.tellProblems(of: status)
    }
}

/// `metadata`
struct Metadata: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What guests are told.", subcommands: [Show.self])

    struct Show: NodeCommand {
        static let flagUse = GlobalFlagUse.result
        static let configuration = CommandConfiguration(
            abstract: "Show what a guest is told, by path.",
            discussion: "User-data and vendor-data are redacted unless --secrets is given.")
        @Argument(help: "The VM's name.", completion: .vmNames) var name: String
        @Flag(help: "Show what is secret as it is.") var secrets = false
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            let metadata = try await session.client.get(
                session.path("vms", name, "metadata"), query: secrets ? [("secrets", "true")] : []
            ).json
            let pages: [JSONValue] = (metadata.objectValue ?? [:]).sorted { $0.key < $1.key }
                .map { ["path": .string($0.key), "value": $0.value] }
            session.terminal.write(session.renderer.look("metadata", metadata, rows: pages, usually: .yaml))
        }
    }
}

/// `firewall`
struct Firewall: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The rules of the VMs' networks.", subcommands: [Show.self])

    struct Show: NodeCommand {
        static let flagUse = GlobalFlagUse(formats: [.table, .wide, .json, .yaml])
        static let configuration = CommandConfiguration(
            abstract: "Show what was dropped of whom and why, and what differs from what should be.",
            discussion: "With a VM's name its drops alone. --rules adds the rules as the kernel has them.")
        @Argument(help: "A VM's name.", completion: .vmNames) var name: String?
        @Flag(help: "Show the rules too.") var rules = false
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            let firewall = try await session.client.get("/v1/firewall").json
            if let name {
                // Tells a VM without drops from one that does not exist.
                _ = try await session.client.get(session.path("vms", name))
                let drops = FirewallView.only(owner: session.owner, name: name, in: firewall)
                return session.terminal.write(FirewallView.renderOne(drops, renderer: session.renderer))
            }
            session.terminal.write(FirewallView.render(firewall, rules: rules, renderer: session.renderer))
            session.tellProblems(of: firewall)
        }
    }
}

extension Session {
    /// Tells a document's problems, a line each.
    fileprivate func tellProblems(of document: JSONValue) {
        for problem in document["problems"]?.arrayValue ?? [] {
            terminal.tell("problem: \(CommandFailure.oneLine(problem.stringValue ?? ""))")
        }
    }
}

/// `who`
struct Who: NodeCommand {
    static let flagUse = GlobalFlagUse.result
    static let configuration = CommandConfiguration(
        abstract: "Tell which VM has an address, a MAC, a tap or a process.")
    @Argument(help: ArgumentHelp("What is known.", valueName: "address|mac|tap|pid")) var term: String
    @OptionGroup var globals: GlobalOptions

    func run(_ session: Session) async throws {
        let found = try await session.client.get(PathText.path(["v1", "who", term]))
        session.terminal.write(session.renderer.one("vms", found.json))
    }
}

/// `gc`
struct Garbage: NodeCommand {
    static let flagUse = GlobalFlagUse.result
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Show what is on this host that no record explains.",
        discussion: "It is shown and never removed, so --dry-run must be given.")
    @OptionGroup var globals: GlobalOptions

    func run(_ session: Session) async throws {
        guard session.dryRun else {
            throw CommandFailure(
                .usage, "is missing: what no record explains is shown, never removed", field: "--dry-run",
                fix: "run: uncloud-node gc --dry-run")
        }
        let garbage = try await session.client.get("/v1/garbage").json
        let items = garbage["items"]?.arrayValue ?? []
        session.terminal.write(session.renderer.look("garbage", garbage, rows: items, usually: .table))
    }
}
