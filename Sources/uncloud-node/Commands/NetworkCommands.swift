internal import ArgumentParser
internal import JSON

/// `network`
struct Network: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Networks that VMs are in.", subcommands: [Create.self, List.self, Show.self, Delete.self])

    struct Create: NodeCommand {
        static let flagUse = GlobalFlagUse.result
        static let configuration = CommandConfiguration(abstract: "Make a network.")
        @Argument(help: "Its name.") var name: String
        @Option(help: ArgumentHelp("Its IPv6 /64.", valueName: "fd12:3456:789a:1::/64")) var prefix: String
        @Option(help: "shared: many VMs, guarded against each other; private: one owner's, metadata alone is guarded.")
        var kind: String?
        @Option(help: ArgumentHelp("The search domain of its guests.", valueName: "domain")) var domain: String?
        @Option(help: "Who sends router advertisements: managed, external or none.") var ra: String?
        @Option(help: "Who answers DNS: managed, external or none.") var dns: String?
        @Option(help: "Who does both, where --ra and --dns do not say: managed, external or none.") var services:
            String?
        @Option(help: ArgumentHelp("Bytes of a packet.", valueName: "1500")) var mtu: String?
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            var spec: JSONValue = ["prefix": .string(prefix)]
            if let kind {
                spec["kind"] = .string(try VMSpecBuilder.choice(kind, flag: "--kind", among: ["shared", "private"]))
            }
            for (flag, member, value) in [("--ra", "ra", ra), ("--dns", "dns", dns)] {
                guard let value = value ?? services else { continue }
                spec[member] = .string(
                    try VMSpecBuilder.choice(
                        value, flag: services == value ? "--services" : flag, among: ["managed", "external", "none"]))
            }
            if let domain { spec["domain"] = .string(domain) }
            if let mtu {
                guard let bytes = Int64(mtu) else {
                    throw CommandFailure(.usage, "is no whole number", field: "--mtu", fix: "write 1500")
                }
                spec["mtu"] = .int(bytes)
            }
            var conditions = session.conditions
            conditions.createOnly = true
            let answer = try await session.client.write(
                "PUT", session.path("networks", name), body: ["spec": spec], conditions: conditions)
            session.terminal.write(session.renderer.changed(answer.json))
        }
    }

    struct List: NodeCommand {
        static let flagUse = GlobalFlagUse.result
        static let configuration = CommandConfiguration(abstract: "List networks.", aliases: ["ls"])
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws { try await session.showList("networks") }
    }

    struct Show: NodeCommand {
        static let flagUse = GlobalFlagUse.result
        static let configuration = CommandConfiguration(abstract: "Show networks.")
        @Argument(help: "Names.", completion: .networkNames) var names: [String]
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            try await session.showEach("networks", names: names, renderer: session.renderer)
        }
    }

    struct Delete: NodeCommand {
        static let flagUse = GlobalFlagUse.result
        static let configuration = CommandConfiguration(
            abstract: "Delete networks; one that VMs are in is refused.", aliases: ["rm"])
        @Argument(help: "Names.", completion: .networkNames) var names: [String]
        @OptionGroup var globals: GlobalOptions

        func run(_ session: Session) async throws {
            try session.confirm("Delete network \(names.joined(separator: ", "))?")
            try await session.delete("networks", Targets(names))
        }
    }
}
