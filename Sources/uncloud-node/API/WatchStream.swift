internal import Actors
internal import HTTP
internal import HTTPTypes
internal import JSON
internal import Model
internal import Runtime

/// Collections followed as JSON lines: one object a line, until the client leaves, the watch ends or the node stops.
///
/// `{"type": "put", "revision": N, "object": {...}}`, `{"type": "deleted", ...}`, `{"type": "bookmark", "revision": N}`,
/// and, as the last line of a watch that failed, `{"type": "error", "problem": {...}}`.
enum WatchStream {
    static let mediaType = "application/jsonl"

    /// Follows a collection. What can be refused (a compacted revision: 410) is refused before the first line.
    static func answer(_ call: APICall, kind: ResourceKind) async throws -> Response {
        for parameter in [QueryParameter.limit, .continue, .minimumRevision] where call.query.text(parameter) != nil {
            throw ProblemError(
                status: 400, code: "query.invalid", title: "The query is not valid",
                detail: "\(parameter.name) has no meaning with watch", fix: "leave it out")
        }
        let events = try await call.node.watch(kind, owner: call.ownerOrAll, since: call.query.number(.since))
        return lines(of: events) { line($0) }
    }

    /// Lists the node's events, or follows them.
    static func events(_ call: APICall) async throws -> Response {
        let follow = call.query.flag(.watch)
        let events = try await call.node.events(since: call.query.number(.since), follow: follow)
        guard !follow else { return lines(of: events) { $0 } }
        var items: [JSONValue] = []
        while let event = try await events.receive() { items.append(event) }
        return .json(["kind": "event-list", "items": .array(items)])
    }

    private static func lines<Element: Sendable>(
        of events: AsyncChannel<Element>, _ line: @escaping @Sendable (Element) -> JSONValue
    ) -> Response {
        Response(
            status: 200, fields: [.contentType: mediaType, .cacheControl: "no-store"],
            body: .stream { writer in
                defer { events.finish() }
                do {
                    while let event = try await events.receive() { try await writer.write(encoded(line(event))) }
                } catch let problem as ProblemError {
                    try await writer.write(encoded(["type": "error", "problem": problem.json]))
                }
            })
    }

    private static func encoded(_ value: JSONValue) -> [UInt8] { value.encoded() + [UInt8(ascii: "\n")] }

    private static func line(_ event: ResourceEvent) -> JSONValue {
        switch event {
        case .put(let resource, let revision):
            ["type": "put", "revision": .int(revision), "object": resource.document]
        case .deleted(let document, let revision):
            ["type": "deleted", "revision": .int(revision), "object": document]
        case .bookmark(let revision): ["type": "bookmark", "revision": .int(revision)]
        }
    }
}
