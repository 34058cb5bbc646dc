internal import HTTP
internal import HTTPTypes
package import JSON
internal import Model
package import Runtime

/// The command line's side of the control API: requests over the node's unix socket.
package struct ControlClient: Sendable {
    /// An answer of JSON.
    package struct Answer: Sendable {
        package var status: Int
        package var json: JSONValue
        package var revision: Int64?
    }

    /// What a write has beside its body.
    package struct WriteConditions: Sendable {
        package var createOnly = false
        package var dryRun = false
        package init() {}
    }

    package let socketPath: String
    package let loop: EventLoop
    /// How long an answer may take to begin; a console, a watch or a slow delete may go on for longer.
    package var timeout: Duration

    package init(socketPath: String, loop: EventLoop, timeout: Duration = .seconds(60)) {
        self.socketPath = socketPath
        self.loop = loop
        self.timeout = timeout
    }

    /// Asks for a document.
    ///
    /// - Throws: `ProblemError` as the API told it, `CommandFailure` where it can't be reached, `DeadlineError`.
    package func get(_ path: String, query: [(String, String)] = []) async throws -> Answer {
        try await send("GET", path, query: query)
    }

    /// Creates, changes or deletes; repeats carry the same Idempotency-Key.
    package func write(
        _ method: String, _ path: String, query: [(String, String)] = [], body: JSONValue? = nil,
        conditions: WriteConditions = WriteConditions()
    ) async throws -> Answer {
        var fields: HTTPFields = [.idempotencyKey: VMID.random().text]
        if body != nil { fields[.contentType] = method == "PATCH" ? WriteBody.mergePatch : WriteBody.json }
        if conditions.createOnly { fields[.ifNoneMatch] = "*" }
        let dryRun = conditions.dryRun ? [("dry-run", "true")] : []
        return try await send(method, path, query: query + dryRun, fields: fields, body: body?.encoded() ?? [])
    }

    /// The bytes of a document that is no JSON.
    package func bytes(_ path: String) async throws -> [UInt8] {
        try await reaching {
            let client = Client(address: .unix(path: socketPath), on: loop)
            let response = try await client.send(request("GET", path, [], [:], []), timeout: timeout)
            let body = try await response.body.collect(limit: Self.maximumBody)
            guard (200..<300).contains(response.status) else { throw Self.problem(response.status, body) }
            return body
        }
    }

    /// Follows a stream of JSON lines until `take` returns something, which is returned, or the stream ends.
    package func lines<T: Sendable>(
        _ path: String, query: [(String, String)], _ take: @Sendable (JSONValue) async throws -> T?
    ) async throws -> T? {
        try await reaching {
            let client = Client(address: .unix(path: socketPath), on: loop)
            let response = try await client.send(request("GET", path, query, [:], []), timeout: timeout)
            guard response.status == 200 else {
                throw Self.problem(response.status, try await response.body.collect(limit: Self.maximumBody))
            }
            for try await line in response.body.lines(maxLength: Self.maximumBody) where !line.isEmpty {
                let value = try JSONValue(parsing: line)
                if value["type"]?.stringValue == "error", let told = value["problem"].flatMap(ProblemError.init(json:))
                {
                    throw told
                }
                if let result = try await take(value) { return result }
            }
            return nil
        }
    }

    /// A connection that speaks another protocol from here on.
    package func upgrade(_ path: String, to name: String) async throws -> Connection {
        try await reaching {
            try await Client(address: .unix(path: socketPath), on: loop).upgrade(
                path: path, protocol: name, timeout: timeout)
        }
    }

    private func send(
        _ method: String, _ path: String, query: [(String, String)] = [], fields: HTTPFields = [:], body: [UInt8] = []
    ) async throws -> Answer {
        try await reaching {
            let client = Client(address: .unix(path: socketPath), on: loop)
            let response = try await client.send(request(method, path, query, fields, body), timeout: timeout)
            let body = try await response.body.collect(limit: Self.maximumBody)
            guard (200..<300).contains(response.status) else { throw Self.problem(response.status, body) }
            return Answer(
                status: response.status, json: try JSONValue(parsing: body),
                revision: response.fields[.uncloudRevision].flatMap { Int64($0) })
        }
    }

    private func request(
        _ method: String, _ path: String, _ query: [(String, String)], _ fields: HTTPFields, _ body: [UInt8]
    ) -> ClientRequest {
        let pairs = query.map { "\(PathText.escape($0.0))=\(PathText.escape($0.1))" }
        let target = pairs.isEmpty ? path : "\(path)?\(pairs.joined(separator: "&"))"
        return ClientRequest(method: method, path: target, fields: fields, body: body)
    }

    private static let maximumBody = 64 * 1024 * 1024

    private static func problem(_ status: Int, _ body: [UInt8]) -> any Error {
        if let json = try? JSONValue(parsing: body), let problem = ProblemError(json: json) { return problem }
        return ProblemError(
            status: status, code: "answer.unknown", detail: "the daemon answered with status \(status)",
            fix: "is it of the same version? see: uncloud-node version")
    }

    /// Turns what a socket says about an absent daemon into a sentence.
    private func reaching<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let error as ClientError {
            switch error.code {
            case .unreachable, .interrupted: throw unreachable("\(error)")
            case .timedOut:
                throw CommandFailure(
                    .timedOut, "the daemon has not answered yet: \(error.message)",
                    fix: "what was asked may still happen; wait longer with --timeout")
            default:
                throw CommandFailure(
                    .failed, "\(error)",
                    fix: "is the daemon of the same version? see: uncloud-node status")
            }
        } catch let refusal as UpgradeRefused {
            throw Self.problem(
                refusal.response.status, try await refusal.response.body.collect(limit: Self.maximumBody))
        }
    }

    private func unreachable(_ reason: String) -> CommandFailure {
        CommandFailure(
            .unreachable, "the daemon can't be reached at \(socketPath) (\(reason))",
            fix: "start it with: uncloud-node run, or name its --directory")
    }
}
