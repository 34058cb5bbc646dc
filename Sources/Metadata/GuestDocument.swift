package import HTTP

/// All answers for one guest, rendered once when its facts change, so that a request copies bytes and nothing more.
///
/// Immutable; shared by every loop. Answers with an empty body are shared by all guests.
package final class GuestDocument: Sendable {
    // What a request reads comes first, to lie in the object's first cache line.
    private let pages: PageIndex
    let firstRequest: FirstRequest?
    package let facts: GuestFacts

    private static let emptyText = PreparedResponse(
        status: 200, fields: [("Content-Type", NativeDialect.text)], body: [])

    package init(facts: GuestFacts, firstRequest: FirstRequest? = nil) {
        self.facts = facts
        self.firstRequest = firstRequest
        var pages = PageIndex()
        for page in Dialects.pages(for: facts) {
            let response =
                page.body.isEmpty && page.contentType == NativeDialect.text
                ? Self.emptyText
                : PreparedResponse(
                    status: 200, fields: [("Content-Type", page.contentType)], body: Array(page.body.utf8))
            pages.add(Array(page.path.utf8), response)
        }
        self.pages = pages
    }

    /// The answer for a path, compared byte for byte; nil where there is no such page.
    package func response(at path: borrowing Span<UInt8>) -> PreparedResponse? { pages.response(at: path) }
}
