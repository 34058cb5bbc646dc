internal import ArgumentParser
internal import JSON
internal import Runtime

/// `events`
struct Events: NodeCommand {
    static let flagUse = GlobalFlagUse(formats: [.table, .wide, .json, .yaml])
    static let configuration = CommandConfiguration(
        abstract: "Tell what happened on this node.",
        discussion: "With --watch JSON is an object a line, and YAML a document each.")
    @Flag(name: [.customShort("w"), .long], help: "Go on with what follows, until interrupted.") var watch = false
    @Option(help: ArgumentHelp("Only what came after this number.", valueName: "number")) var since: String?
    @OptionGroup var globals: GlobalOptions

    func run(_ session: Session) async throws {
        let query = since.map { [("since", $0)] } ?? []
        guard watch else {
            let events = try await session.client.get("/v1/events", query: query).json
            let items = events["items"]?.arrayValue ?? []
            return session.terminal.write(session.renderer.look("events", events, rows: items, usually: .table))
        }
        session.terminal.write(session.renderer.streamHead("events"))
        let follow: @Sendable () async throws -> Void = {
            let _: Bool? = try await session.client.lines("/v1/events", query: query + [("watch", "true")]) { event in
                session.terminal.write(session.renderer.streamed("events", event))
                return nil
            }
        }
        guard let deadline = session.deadline else { return try await follow() }
        do {
            try await withDeadline(deadline, on: session.loop, "watching", follow)
        } catch is DeadlineError {
            // That long was asked for.
        }
    }
}
