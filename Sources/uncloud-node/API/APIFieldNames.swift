package import HTTPTypes

extension HTTPField.Name {
    /// The store's revision that an answer shows.
    package static let uncloudRevision = ours("Uncloud-Revision")
    /// A key that makes a repeated write answer as the first one did.
    package static let idempotencyKey = ours("Idempotency-Key")
    /// The media types a PATCH may have (RFC 5789).
    package static let acceptPatch = ours("Accept-Patch")

    private static func ours(_ text: StaticString) -> HTTPField.Name {
        guard let name = HTTPField.Name("\(text)") else { preconditionFailure("\(text) is a token") }
        return name
    }
}
