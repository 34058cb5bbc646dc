package import HTTP
internal import JSON

/// One operation of the control API. The table of routes is both what requests are matched against and what the OpenAPI
/// document is made from, so that neither knows what the other does not.
package struct Route: Sendable {
    /// A part of a path pattern.
    package enum Segment: Sendable, Equatable {
        case literal(String)
        case parameter(String)
    }

    /// What the operation answers with when it goes well.
    package enum Outcome: Sendable, Equatable {
        /// JSON of a named schema.
        case json(String)
        /// JSON of the first schema, or, with `?watch`, JSON lines of the second.
        case jsonOrLines(String, String)
        case text
        /// 101 to a protocol of its own.
        case upgrade
    }

    package var method: String
    package var pattern: String
    package var segments: [Segment]
    /// The operation's name in the OpenAPI document.
    package var operation: String
    package var summary: String
    package var query: [QueryParameter]
    /// The schema and media type of the body, nil where there is none.
    package var body: (schema: String, type: String)?
    package var outcome: Outcome
    /// The good statuses.
    package var statuses: [Int]
    package var run: @Sendable (APICall) async throws -> Response

    init(
        _ method: String, _ pattern: String, _ operation: String, _ summary: String, query: [QueryParameter] = [],
        body: (schema: String, type: String)? = nil, outcome: Outcome, statuses: [Int] = [200],
        run: @escaping @Sendable (APICall) async throws -> Response
    ) {
        self.method = method
        self.pattern = pattern
        self.segments = pattern.split(separator: "/").map { part in
            part.hasPrefix("{") ? .parameter(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
        self.operation = operation
        self.summary = summary
        self.query = query
        self.body = body
        self.outcome = outcome
        self.statuses = statuses
        self.run = run
    }

    /// The values of the pattern's parameters where the path fits it, nil where it does not.
    package func match(_ path: [String]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (segment, text) in zip(segments, path) {
            switch segment {
            case .literal(let expected):
                guard expected == text else { return nil }
            case .parameter(let name):
                guard !text.isEmpty else { return nil }
                parameters[name] = text
            }
        }
        return parameters
    }
}
