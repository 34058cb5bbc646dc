import JSON
import Testing
import uncloud_node

/// An answer of the control API, to be held against the OpenAPI document.
struct DescribedAnswer: Sendable {
    var method: String
    var target: String
    var status: Int
    var type: String?
    var bytes: [UInt8]

    private var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The answer's document; text is a text.
    private var document: JSONValue? {
        type?.hasPrefix("text/plain") == true ? .string(text) : try? JSONValue(parsing: bytes)
    }

    /// What is wrong with the answer of a route where this status is expected; empty where nothing is.
    func errors(expecting expected: Int, route: Route) -> [String] {
        guard status == expected else { return ["the status is \(status), not \(expected): \(text)"] }
        let root = OpenAPIDocument.shared
        let responses = root["paths"]?[route.pattern]?[method.lowercased()]?["responses"]
        // A good status must be described itself; all others are the one default.
        guard let content = responses?[status < 400 ? String(status) : "default"]?["content"]?.objectValue else {
            return ["\(status) is not described"]
        }
        let media = type?.split(separator: ";").first.map(String.init) ?? "nothing"
        guard let schema = content[media]?["schema"] else { return ["\(media) is not described"] }
        guard let document else { return ["the body is no JSON: \(text)"] }
        return SchemaChecker(root: root).errors(document, against: schema)
    }

    /// Fails the test where something is wrong with the answer.
    ///
    /// - Returns: the answer's document.
    @discardableResult
    func judge(expecting expected: Int, route: Route? = nil) throws -> JSONValue {
        let path = target.split(separator: "?")[0].split(separator: "/").map(String.init)
        let found = route ?? ControlAPI.routes.first { $0.method == method && $0.match(path) != nil }
        let errors = errors(expecting: expected, route: try #require(found, "\(method) \(target)"))
        try #require(errors == [], "\(method) \(target)")
        return try #require(document)
    }
}
