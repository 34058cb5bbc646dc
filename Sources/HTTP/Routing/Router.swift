public import Runtime

/// Finds the handler of a request in tables that are made once: no allocation, no regular expression, no string.
///
/// The most specific pattern wins, whatever the order of the routes: an exact path before one with parameters, of these the one
/// whose first difference is literal, then the longest prefix. Paths are compared as they were sent: `/%61` is not `/a`, so
/// that nobody gets past a rule by another spelling. A path without a route is 404, a method without one 405 with `Allow`;
/// OPTIONS is answered with `Allow`, HEAD by GET's handler, unless there are routes for them.
public struct Router: RequestHandler {
    private let table: RouteTable
    private let handlers: [Route.Handler]
    private let notFound: PreparedResponse

    /// Makes the tables.
    ///
    /// Ends the process for a malformed pattern, more than four parameters in one, and two routes for the same: these are the
    /// program's own text.
    ///
    /// - Parameters:
    ///   - routes: the entries.
    ///   - notFound: the answer where there is no path.
    public init(_ routes: [Route], notFound: PreparedResponse = .notFound) {
        table = RouteTable(routes.map { ($0.method, $0.pattern) })
        handlers = routes.map(\.handler)
        self.notFound = notFound
    }

    /// The answer of the route's handler, or 404, 405, or to OPTIONS 204. On the loop, as any handler.
    public func handle(
        _ request: borrowing RequestView, from context: ConnectionContext, isolation: isolated LoopActor
    ) -> Answer {
        var parameters = PathParameters()
        guard let place = table.find(request.path, &parameters) else { return .prepared(notFound) }
        switch table.method(request.method, request.methodBytes, at: place) {
        case .route(let index): return handlers[index](request, parameters, context, isolation)
        case .other(let answer): return .prepared(answer)
        }
    }
}
