import Actors
import HTTP
import HTTPTypes
import JSON
import Logging
import Runtime
import TestSupport
import uncloud_node

/// The control API over a fake node, asked without a socket.
struct APIHarness: Sendable {
    let node: FakeNode
    let api: ControlAPI

    init(_ node: FakeNode = FakeNode()) {
        self.node = node
        api = ControlAPI(node: node, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) {
            DoctorCheck.document([
                DoctorCheck("kvm", .limited, "no vmx", fix: "none"), DoctorCheck("tun", .ok, "/dev/net/tun"),
            ])
        }
    }

    struct Answer: Sendable {
        var status: Int
        var fields: HTTPFields
        var bytes: [UInt8]

        var json: JSONValue { (try? JSONValue(parsing: bytes)) ?? .null }
        var code: String? { json["code"]?.stringValue }
    }

    /// Sends a request. A body that is not given as bytes is JSON, its media type that of the method.
    func ask(
        _ method: String, _ target: String, _ body: JSONValue? = nil, fields: HTTPFields = [:], raw: [UInt8]? = nil
    ) async -> Answer {
        var fields = fields
        if body != nil, fields[.contentType] == nil {
            fields[.contentType] = method == "PATCH" ? "application/merge-patch+json" : "application/json"
        }
        let request = Request(
            method: method, target: target, fields: fields, body: raw ?? body?.encoded() ?? [],
            context: ConnectionContext(loop: TestLoops.loop))
        let response = await api.answer(request)
        if case .bytes(let bytes) = response.body {
            return Answer(status: response.status, fields: response.fields, bytes: bytes)
        }
        return Answer(status: response.status, fields: response.fields, bytes: [])
    }
}
