package import HTTP
package import Runtime

/// Answers guests' requests on one loop from that loop's own snapshot of the directory: no hop, no lock, no allocation.
///
/// Who asks is the connection's token, the mark that the firewall gave the packets of the tap they came through. A
/// connection without a guest's mark gets no byte. `handle` runs on the loop, in the read callback.
package final class MetadataHandler: RequestHandler, @unchecked Sendable {
    private static let notFound = PreparedResponse(
        status: 404, fields: [("Content-Type", NativeDialect.text)], body: Array("not found\n".utf8))
    private static let methodNotAllowed = PreparedResponse(
        status: 405, fields: [("Allow", "GET, HEAD"), ("Content-Type", NativeDialect.text)],
        body: Array("only GET and HEAD\n".utf8))

    // SAFETY: read and written on the loop's thread only: by `handle`, which the server calls there, and by `replace`,
    // which needs the loop's isolation.
    private var snapshot = DirectorySnapshot()
    private var version: UInt64 = 0

    package init() {}

    package func handle(
        _ request: borrowing RequestView, from connection: ConnectionContext, isolation: isolated LoopActor
    ) -> Answer {
        guard let document = snapshot[mark: UInt32(truncatingIfNeeded: connection.token)] else { return .hangUp }
        document.firstRequest?.note()
        guard let response = document.response(at: request.path) else { return .prepared(Self.notFound) }
        switch request.method {
        case .get, .head: return .prepared(response)
        default: return .prepared(Self.methodNotAllowed)
        }
    }

    /// Takes a newer snapshot; an older version than the one held is ignored.
    package func replace(_ snapshot: DirectorySnapshot, version: UInt64, isolation: isolated LoopActor) {
        guard version > self.version else { return }
        self.version = version
        self.snapshot = snapshot
    }
}
