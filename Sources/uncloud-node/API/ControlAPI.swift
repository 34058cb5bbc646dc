package import Actors
package import HTTP
internal import HTTPTypes
package import JSON
package import Logging
internal import Model
package import Runtime

/// The control API: finds the route of a request, runs it, and turns what it throws into a problem. Every request runs
/// as a task on its connection's loop; nothing here keeps state.
package struct ControlAPI: RequestHandler {
    package static let routes: [Route] = Route.resources + Route.machines + Route.nodeWide

    private let node: any NodeAPI
    private let doctor: @Sendable () async -> JSONValue
    private let logger: Logger

    /// How a server of this API behaves: what it refuses before a handler sees it is a problem document too.
    package static var serverConfiguration: ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.maxConnections = 1024
        configuration.serverName = "uncloud-node/\(Version.text)"
        let maxBody = configuration.maxBody
        configuration.onRefusal = { error in
            let problem = ProblemError(refusing: error, maxBody: maxBody)
            return PreparedResponse(
                status: error.status, fields: [("Content-Type", "application/problem+json")],
                body: problem.json.encoded() + [UInt8(ascii: "\n")])
        }
        return configuration
    }

    package init(node: any NodeAPI, logger: Logger, doctor: @escaping @Sendable () async -> JSONValue) {
        self.node = node
        self.logger = logger
        self.doctor = doctor
    }

    package func handle(
        _ request: borrowing RequestView, from context: ConnectionContext, isolation: isolated LoopActor
    ) -> Answer {
        .task { request in await self.answer(request) }
    }

    /// The answer to a request; what goes wrong is answered as RFC 9457 says.
    package func answer(_ request: Request) async -> Response {
        do {
            var response = try await dispatch(request)
            if request.method == "HEAD", case .stream = response.body { response.body = .none }
            return response
        } catch let problem as ProblemError {
            var response = Response.problem(problem)
            if problem.status == 405 { response.fields[.allow] = Self.methods(for: request).joined(separator: ", ") }
            return response
        } catch is CancellationError {
            return .problem(
                .unavailable("node.stopping", "the node is stopping", fix: "ask again once it runs"))
        } catch {
            logger.error("request failed", metadata: ["path": "\(printable(request.path))", "error": "\(error)"])
            return .problem(
                ProblemError(
                    status: 500, code: "internal", title: "Internal error",
                    detail: "\(request.method) \(printable(request.path)) failed: \(printable("\(error)"))",
                    fix: "see the daemon's log", retryable: true))
        }
    }

    private func dispatch(_ request: Request) async throws -> Response {
        let path = request.pathSegments
        let method = request.method == "HEAD" ? "GET" : request.method
        var isKnownPath = false
        for route in Self.routes {
            guard let parameters = route.match(path) else { continue }
            isKnownPath = true
            guard route.method == method else { continue }
            let query = try QueryValues(request.query, allowed: route.query)
            if route.body == nil { try Self.refuseBody(request) }
            return try await route.run(
                APICall(node: node, request: request, parameters: parameters, query: query, doctor: doctor))
        }
        guard isKnownPath else {
            throw ProblemError(
                status: 404, code: "path.not-found", title: "No such path",
                detail: "there is nothing at \(printable(request.path))", fix: "see /v1/openapi.json")
        }
        throw ProblemError(
            status: 405, code: "method.not-allowed", title: "Method not allowed",
            detail: "\(printable(request.method)) is not known at \(printable(request.path))",
            fix: "use one of \(Self.methods(for: request).joined(separator: ", "))")
    }

    /// An action takes no body but, for the habit of clients, an empty object.
    private static func refuseBody(_ request: Request) throws(ProblemError) {
        guard !request.body.isEmpty, request.method != "GET", request.method != "HEAD" else { return }
        if (try? JSONValue(parsing: request.body)) == .object([:]) { return }
        throw ProblemError(
            status: 400, code: "body.unexpected", title: "Unexpected body",
            detail: "\(request.method) \(printable(request.path)) takes no body", fix: "leave it out")
    }

    private static func methods(for request: Request) -> [String] {
        let known = routes.filter { $0.match(request.pathSegments) != nil }.map(\.method)
        return (known.contains("GET") ? ["HEAD"] : []) + Set(known).sorted()
    }
}
