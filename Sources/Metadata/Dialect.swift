/// A page that a guest can fetch.
package struct MetadataPage: Sendable, Equatable {
    /// The absolute path, as in the request line.
    package var path: String
    package var contentType: String
    package var body: String
    /// Whether the body may hold a secret of the owner's, so that logs and `metadata show` redact it.
    package var isSecret: Bool

    package init(path: String, contentType: String, body: String, isSecret: Bool = false) {
        self.path = path
        self.contentType = contentType
        self.body = body
        self.isSecret = isSecret
    }
}

/// A metadata dialect: what one family of clients asks for. Pure; one file each.
///
/// Two dialects that share a path must agree on its body: `pages(for:)` of the first one wins.
package protocol Dialect: Sendable {
    func pages(for facts: GuestFacts) -> [MetadataPage]
}

/// The dialects every guest gets, in order of precedence.
package enum Dialects {
    package static let all: [any Dialect] = [NativeDialect(), NoCloudDialect()]

    /// The pages of all dialects, a path once.
    package static func pages(for facts: GuestFacts) -> [MetadataPage] {
        var seen: Set<String> = []
        return all.flatMap { $0.pages(for: facts) }.filter { seen.insert($0.path).inserted }
    }
}
