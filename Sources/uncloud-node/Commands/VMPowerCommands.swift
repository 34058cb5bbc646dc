internal import ArgumentParser
internal import JSON
internal import Model
internal import Runtime

extension VM {
    struct Start: NodeCommand {
        static let flagUse = GlobalFlagUse.selection
        static let configuration = CommandConfiguration(abstract: "Turn VMs on; returns when they run.")
        @Argument(help: "Names.", completion: .vmNames) var names: [String] = []
        @Flag(name: .customLong("no-wait"), help: "Return once it is stored.") var noWait = false
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            let targets = try await session.targets(names, kind: "vms")
            try await session.power(targets, "on", waitingFor: noWait ? nil : .running)
        }
    }

    struct Stop: NodeCommand {
        static let flagUse = GlobalFlagUse.selection
        static let configuration = CommandConfiguration(
            abstract: "Ask guests to power off; returns when they are off.",
            discussion: "A guest that does not listen runs on, and the exit status is 5. --force cuts its power.")
        @Argument(help: "Names.", completion: .vmNames) var names: [String] = []
        @Flag(help: "Cut the power at once.") var force = false
        @Flag(name: .customLong("no-wait"), help: "Return once it is stored.") var noWait = false
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            let targets = try await session.targets(names, kind: "vms")
            try await session.power(targets, "off", cutting: force, waitingFor: noWait ? nil : .stopped)
        }
    }

    struct Restart: NodeCommand {
        static let flagUse = GlobalFlagUse.selection
        static let configuration = CommandConfiguration(
            abstract: "Power guests off and on again; returns when they run.",
            discussion: "A guest that does not listen runs on, and the exit status is 5. --force cuts its power.")
        @Argument(help: "Names.", completion: .vmNames) var names: [String] = []
        @Flag(help: "Cut the power instead of asking.") var force = false
        @Flag(name: .customLong("no-wait"), help: "Return once it is asked for.") var noWait = false
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            if force {
                let targets = try await session.targets(names, kind: "vms")
                try await session.power(targets, "off", cutting: true, waitingFor: .stopped, silently: true)
                return try await session.power(targets, "on", waitingFor: noWait ? nil : .running)
            }
            let targets = try await session.targets(names, kind: "vms")
            try await session.each(targets, printing: session.results(.changed, "vms", targets)) { name in
                let before = try await session.client.get(session.path("vms", name))
                let answer = try await session.client.write(
                    "POST", session.path("vms", name, "actions", "restart"), conditions: session.conditions)
                guard !noWait, !session.dryRun else { return answer.json }
                let boots = before.json.value(at: "/status/boots")?.intValue ?? 0
                return try await RestartWaiter(session: session, boots: boots, since: before.revision)
                    .wait(name, within: session.deadline ?? .seconds(90))
            }
        }
    }

    struct Delete: NodeCommand {
        static let flagUse = GlobalFlagUse.selection
        static let configuration = CommandConfiguration(
            abstract: "Delete VMs; returns when nothing of them is left.",
            discussion: "A running or protected VM is refused; --force cuts its power first. Disk files stay.",
            aliases: ["rm"])
        @Argument(help: "Names.", completion: .vmNames) var names: [String] = []
        @Flag(help: "Cut the power of a running one first.") var force = false
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            let targets = try await session.targets(names, kind: "vms")
            try session.confirm("Delete vm \(targets.names.joined(separator: ", "))?")
            if force, !session.dryRun {
                try await session.power(targets, "off", cutting: true, waitingFor: .stopped, silently: true)
            }
            try await session.delete("vms", targets, pastPower: force)
        }
    }

    struct Wait: NodeCommand {
        static let flagUse = GlobalFlagUse(formats: [], selects: true)
        static let configuration = CommandConfiguration(
            abstract: "Wait until VMs are running, ready, stopped, paused or deleted.")
        @Argument(help: "Names.", completion: .vmNames) var names: [String] = []
        @Option(
            name: .customLong("for"), help: "What to wait for: running, ready, stopped, paused or deleted.",
            completion: .list(VMGoal.allCases.map(\.rawValue)))
        var goal = "ready"
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            let word = try VMSpecBuilder.choice(goal, flag: "--for", among: VMGoal.allCases.map(\.rawValue))
            let goal = VMGoal(rawValue: word) ?? .ready
            let targets = try await session.targets(names, kind: "vms")
            try await session.each(targets) { name in
                try await VMWaiter(session: session, goal: goal, since: 0)
                    .wait(name, within: session.deadline ?? .seconds(60)) ?? .null
            }
        }
    }
}

extension Session {
    var conditions: ControlClient.WriteConditions {
        var conditions = ControlClient.WriteConditions()
        conditions.dryRun = dryRun
        return conditions
    }

    /// Sends a merge patch to each of the VMs.
    func patchVMs(_ names: [String], _ body: JSONValue) async throws {
        let targets = try await targets(names, kind: "vms")
        try await each(targets, printing: results(.changed, "vms", targets)) { name in
            try await client.write("PATCH", path("vms", name), body: body, conditions: conditions).json
        }
    }

    /// Sets the desired power, and waits for it.
    func power(
        _ targets: Targets, _ power: String, cutting: Bool = false, waitingFor goal: VMGoal?, silently: Bool = false
    ) async throws {
        try await each(targets, printing: silently ? nil : results(.changed, "vms", targets)) { name in
            let answer = try await client.write(
                "PATCH", path("vms", name), body: ["spec": ["power": .string(power)]], conditions: conditions)
            if cutting {
                _ = try await client.write("POST", path("vms", name, "actions", "kill"), conditions: conditions)
            }
            guard let goal, !dryRun else { return answer.json }
            let document = try await VMWaiter(session: self, goal: goal, since: answer.revision ?? 0)
                .wait(name, within: deadline ?? .seconds(90))
            return document ?? answer.json
        }
    }

    /// Deletes each; what was there is printed as a name. With `pastPower` a dry run takes the power for cut already, since it
    /// cut none.
    func delete(_ kind: String, _ targets: Targets, pastPower: Bool = false) async throws {
        try await each(targets, printing: results(.changed, kind, targets)) { name in
            do {
                return try await client.write("DELETE", path(kind, name), conditions: conditions).json
            } catch let problem as ProblemError where problem.code == "vm.running" && pastPower && dryRun {
                return try await client.get(path(kind, name)).json
            }
        }
    }

    /// Prints a collection.
    func showList(_ kind: String) async throws {
        let (items, revision) = try await list(kind)
        terminal.write(renderer.collection(kind, items, revision: revision))
    }

    /// Prints each of the named.
    func showEach(_ kind: String, names: [String], renderer: Renderer) async throws {
        let targets = try await targets(names, kind: kind)
        try await each(targets, printing: results(.shown, kind, targets, renderer: renderer)) { name in
            let isUUID = kind == "vms" && name.utf8.count == 36 && name.filter { $0 == "-" }.count == 4
            let path = try isUUID ? PathText.path(["v1", "vms", name]) : path(kind, name)
            return try await client.get(path).json
        }
    }
}
