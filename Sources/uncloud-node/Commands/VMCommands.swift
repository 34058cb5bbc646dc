internal import ArgumentParser
internal import JSON

/// `vm`
struct VM: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Virtual machines.",
        subcommands: [
            Create.self, List.self, Show.self, Set.self, Start.self, Stop.self, Restart.self, Delete.self, Wait.self,
            Console.self, Log.self,
        ])

    struct Create: NodeCommand {
        static let flagUse = GlobalFlagUse.result
        static let configuration = CommandConfiguration(
            abstract: "Make a VM and start it; returns when it runs.",
            discussion: "Several names make as many VMs of the same description.")
        @Argument(help: "Its name.") var names: [String]
        @OptionGroup var flags: VMSpecFlags
        @Option(
            name: .customLong("wait"), help: "Return when it is running or ready.",
            completion: .list(["running", "ready"]))
        var wait: String?
        @Flag(name: .customLong("no-wait"), help: "Return once it is stored.") var noWait = false
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            guard !(noWait && wait != nil) else {
                throw CommandFailure(.usage, "stands beside --wait", field: "--no-wait", fix: "give one of the two")
            }
            let goal = try wait.map { text throws(CommandFailure) in
                try VMSpecBuilder.choice(text, flag: "--wait", among: ["running", "ready"])
            }
            var builder = VMSpecBuilder(flags: flags, reader: session.reader)
            let spec = try builder.build()
            var conditions = ControlClient.WriteConditions()
            conditions.createOnly = true
            conditions.dryRun = session.dryRun
            let write = conditions
            let isOff = spec["power"]?.stringValue.map { $0 != "on" } ?? false
            let targets = Targets(names)
            try await session.each(targets, printing: session.results(.changed, "vms", targets)) { name in
                let answer = try await session.client.write(
                    "PUT", session.path("vms", name), body: ["spec": spec], conditions: write)
                guard !noWait, !session.dryRun, goal != nil || !isOff else {
                    return answer.json
                }
                let waiter = VMWaiter(
                    session: session, goal: goal.flatMap(VMGoal.init) ?? .running, since: answer.revision ?? 0)
                let document = try await waiter.wait(name, within: session.deadline ?? .seconds(60))
                return document ?? answer.json
            }
        }
    }

    struct List: NodeCommand {
        static let flagUse = GlobalFlagUse.selection
        static let configuration = CommandConfiguration(abstract: "List VMs.", aliases: ["ls"])
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws { try await session.showList("vms") }
    }

    struct Show: NodeCommand {
        static let flagUse = GlobalFlagUse.selection
        static let configuration = CommandConfiguration(
            abstract: "Show what is wanted of a VM and what is seen of it.",
            discussion: "A UUID may stand for the name. User-data is redacted unless --secrets is given.")
        @Argument(help: "Names or UUIDs.", completion: .vmNames) var names: [String] = []
        @Flag(help: "Show user-data as it is.") var secrets = false
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            var renderer = session.renderer
            renderer.showsSecrets = secrets
            let shown = renderer
            try await session.showEach("vms", names: names, renderer: shown)
        }
    }

    struct Set: NodeCommand {
        static let flagUse = GlobalFlagUse.selection
        static let configuration = CommandConfiguration(
            abstract: "Change a VM; what is not said stays.",
            discussion: "Lists (--disk, --nic, --ssh-key) are replaced as a whole, labels one by one.")
        @Argument(help: "Names.", completion: .vmNames) var names: [String] = []
        @OptionGroup var flags: VMSpecFlags
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            var builder = VMSpecBuilder(flags: flags, reader: session.reader)
            let spec = try builder.build()
            guard spec != .object([:]) else {
                throw CommandFailure(
                    .usage, "nothing is to be changed", field: "vm set", fix: "give a flag such as --ssh-key")
            }
            try await session.patchVMs(names, ["spec": spec])
        }
    }
}
