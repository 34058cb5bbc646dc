internal import JSON
internal import Model
internal import Runtime

/// What a command works with: the node's API, the flags that all commands share, and where the output goes.
struct Session: Sendable {
    var client: ControlClient
    var terminal: Terminal
    var renderer: Renderer
    var reader: ArgumentReader
    var owner: String
    var labels: [(name: String, value: String)]
    var dryRun: Bool
    var assumesYes: Bool
    /// How long to wait for what was asked; nil where nobody said.
    var deadline: Duration?

    var loop: EventLoop { client.loop }

    /// The path of one of an owner's things, or of a part of it.
    func path(_ kind: String, _ name: String, _ rest: String...) throws(CommandFailure) -> String {
        guard owner != "-" else {
            throw CommandFailure(.usage, "\"-\" stands for all owners", field: "--owner", fix: "name one, or use list")
        }
        guard !name.isEmpty, !owner.isEmpty else {
            throw CommandFailure(
                .usage, "the name is empty", field: name.isEmpty ? "NAME" : "--owner", fix: "write one")
        }
        return PathText.path(["v1", "owners", owner, kind, name] + rest)
    }

    /// All items of a collection that carry the wanted labels, page by page.
    func list(_ kind: String) async throws -> (items: [JSONValue], revision: Int64?) {
        var items: [JSONValue] = []
        var revision: Int64?
        var next: String?
        repeat {
            let page = try await client.get(
                PathText.path(["v1", "owners", owner, kind]),
                query: [("limit", "500")] + (next.map { [("continue", $0)] } ?? []))
            items += page.json["items"]?.arrayValue ?? []
            revision = revision ?? page.revision
            next = page.json["continue"]?.stringValue
        } while next != nil
        return (items.filter(carriesLabels), revision)
    }

    /// Whether a document has every label of `-l`.
    func carriesLabels(_ document: JSONValue) -> Bool {
        labels.allSatisfy { label in
            (document["resolved"]?["labels"] ?? document["spec"]?["labels"])?[label.name]?.stringValue == label.value
        }
    }

    /// The things a command is about: those named, or, with `-l`, those that the selector finds.
    func targets(_ names: [String], kind: String) async throws -> Targets {
        guard names.isEmpty else {
            guard labels.isEmpty else {
                throw CommandFailure(.usage, "stands beside names", field: "--selector", fix: "give one of the two")
            }
            return Targets(names)
        }
        guard !labels.isEmpty else {
            throw CommandFailure(.usage, "nothing is named", field: "NAME", fix: "give names, or a selector: -l k=v")
        }
        let found = try await list(kind).items.compactMap { $0["name"]?.stringValue }
        guard !found.isEmpty else {
            throw CommandFailure(
                .notFound, "no \(kind.dropLast()) carries these labels", field: "--selector",
                fix: "see which there are: uncloud-node \(kind.dropLast()) list")
        }
        return Targets(found, isSeveral: true)
    }

    /// Asks before something is destroyed, where there is a person to ask.
    func confirm(_ question: String) throws(CommandFailure) {
        guard !assumesYes, !dryRun, let ask = terminal.ask else { return }
        guard ask(question) else { throw CommandFailure(.failed, "nothing was done") }
    }

    /// Does something to each name at once; results are printed in the order of the names, failures told a line each.
    ///
    /// - Parameters:
    ///   - targets: what to do it to.
    ///   - results: how what `body` returns is printed; nil prints nothing.
    ///   - body: does it.
    /// - Throws: `CommandsFailed` with the combined status.
    func each(
        _ targets: Targets, printing results: ResultSequence? = nil,
        _ body: @escaping @Sendable (String) async throws -> JSONValue
    ) async throws {
        var results = results
        let names = targets.names
        let tasks = names.map { name in spawn(on: loop, "command.\(name)") { try await body(name) } }
        var statuses: [CommandStatus] = []
        for (name, task) in zip(names, tasks) {
            switch await task.result {
            case .success(let document):
                write(results?.add(document))
                statuses.append(.ok)
            case .failure(let error):
                let failure = Failures.failure(of: error)
                terminal.tell("error: " + (names.count > 1 ? "\(name): " : "") + failure.line)
                statuses.append(failure.status)
            }
        }
        write(results?.finish())
        let combined = CommandStatus.combined(statuses)
        if combined != .ok { throw CommandsFailed(status: combined) }
    }

    /// How the results of a command about these things are printed.
    func results(
        _ style: ResultSequence.Style, _ kind: String, _ targets: Targets, renderer: Renderer? = nil
    ) -> ResultSequence {
        ResultSequence(style, kind, isSeveral: targets.isSeveral, renderer: renderer ?? self.renderer)
    }

    private func write(_ text: String?) {
        if let text, !text.isEmpty { terminal.write(text) }
    }
}

/// The things a command is about.
struct Targets: Sendable {
    var names: [String]
    /// Whether the results are told as those of several: more than one name, or a selector, however many it finds.
    var isSeveral: Bool

    init(_ names: [String], isSeveral: Bool? = nil) {
        self.names = names
        self.isSeveral = isSeveral ?? (names.count > 1)
    }
}

/// Failures that have been told already.
struct CommandsFailed: Error, Sendable {
    var status: CommandStatus
}
