import HTTPTypes
import JSON
import uncloud_node

/// A request to a route that changes nothing, and the judgement of its answer by the OpenAPI document.
struct RouteProbe: Sendable {
    let route: Route
    let method: String
    let target: String
    let body: JSONValue?
    let fields: HTTPFields

    /// Nil for the console, which is no document. `web1` in the network
    /// `used`, `default` and `ops` must be there, and a MAC.
    init?(_ route: Route, mac: String, uuid: String) {
        if case .upgrade = route.outcome { return nil }
        let names = ["vms": "web1", "networks": "default", "keys": "ops", "macs": mac]
        let kind = names.keys.first { route.pattern.contains("/\($0)/{") } ?? ""
        let isDry = route.query.contains { $0.name == "dry-run" }
        self.route = route
        method = route.method
        target =
            route.pattern.replacing("{owner}", with: "default").replacing("{name}", with: names[kind] ?? "")
            .replacing("{uuid}", with: uuid).replacing("{action}", with: "kill").replacing("{term}", with: mac)
            + (isDry ? "?dry-run=true" : "")
        body = route.body == nil ? nil : Self.body(kind, isPatch: method == "PATCH")
        fields = route.body.map { [.contentType: $0.type] } ?? [:]
    }

    private static func body(_ kind: String, isPatch: Bool) -> JSONValue {
        guard !isPatch else { return ["spec": [:]] }
        switch kind {
        case "networks": return ["spec": ["prefix": "fd12:3456:789a:1::/64"]]
        case "keys": return ["spec": ["publicKey": .string(WrongInput.key)]]
        default: return ["spec": ["nics": [["network": "used", "mac": "42:00:00:00:00:07"]], "power": "off"]]
        }
    }

    /// What is looked at is there, and what is written would replace: so nothing is made, and nothing put off.
    static let expectedStatus = 200

    /// Fails the test where the answer is not as described.
    func judge(status: Int, type: String?, bytes: [UInt8]) throws {
        try DescribedAnswer(method: method, target: target, status: status, type: type, bytes: bytes)
            .judge(expecting: Self.expectedStatus, route: route)
    }
}
