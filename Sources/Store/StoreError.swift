/// Why the store did not do what was asked.
package struct StoreError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. Programs switch on this, never on the message.
    package enum Code: String, Sendable, Hashable {
        /// The transaction may or may not have happened; read before trying again.
        case unknownOutcome = "unknown-outcome"
        /// The store can't be reached or has failed; trying again later may help.
        case unavailable
        /// The changes asked for are no longer kept.
        case compacted
        /// A value or request is larger than the limits.
        case tooLarge = "too-large"
        /// The request breaks a rule of the protocol; a mistake of the program.
        case invalid
        /// Credentials were refused.
        case unauthenticated
        /// There is no such lease, or no more.
        case leaseGone = "lease-gone"
        /// The data can't be read.
        case corrupt
        /// The data was written by a newer version.
        case newerSchema = "newer-schema"
        /// The place of the data can't be written to.
        case notWritable = "not-writable"
        /// The disk is full.
        case full
        /// Another process has the data open.
        case locked
        /// The store was closed.
        case closed
        /// Another store than the one worked with so far answers.
        case foreign
        /// The store answers with a past of its own: its revision went back.
        case restored
    }

    /// The kind of failure.
    package var code: Code
    /// One line: what failed, with the path or key.
    package var message: String
    /// One line: what a person can do; nil where nothing is to be done.
    package var fix: String?
    /// The error below, in its own words.
    package var cause: String?
    /// For `compacted`: the last revision whose changes are gone.
    package var compactedAt: Int64?

    /// Makes an error.
    package init(
        _ code: Code, _ message: String, fix: String? = nil, cause: String? = nil, compactedAt: Int64? = nil
    ) {
        self.code = code
        self.message = message
        self.fix = fix
        self.cause = cause
        self.compactedAt = compactedAt
    }

    /// The changes up to and with the revision are gone.
    package static func compacted(at revision: Int64) -> StoreError {
        StoreError(
            .compacted, "the changes up to revision \(revision) are no longer kept", fix: "read everything again",
            compactedAt: revision)
    }

    static let closed = StoreError(.closed, "the store is closed")

    static func leaseGone(_ id: LeaseID) -> StoreError { StoreError(.leaseGone, "lease \(id) is gone") }

    /// Whether the same request may succeed later.
    package var isRetryable: Bool { code == .unavailable || code == .full }

    /// Message, cause and way out in one line.
    package var description: String {
        message + (cause.map { " (\($0))" } ?? "") + (fix.map { "; \($0)" } ?? "")
    }
}
