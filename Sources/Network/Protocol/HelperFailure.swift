/// Why the net-helper did not do what it was asked. `code` is stable; message and fix are for people.
package struct HelperFailure: Error, Sendable, Codable, Equatable, CustomStringConvertible {
    package var code: String
    package var message: String
    /// What mends it, where that is known.
    package var fix: String?

    package init(code: String, message: String, fix: String? = nil) {
        self.code = code
        self.message = message
        self.fix = fix
    }

    package static func invalid(_ code: String, _ message: String) -> HelperFailure {
        HelperFailure(code: code, message: message)
    }

    /// The connection ended: the helper is gone, or is of another version.
    package static func closed(_ why: String) -> HelperFailure {
        HelperFailure(code: "helper.closed", message: "the net-helper's connection ended: \(why)")
    }

    /// Whether the helper went away before it answered: the next one can be asked the same.
    package var isClosed: Bool { code == "helper.closed" }

    /// What a process mode's line begins with where the namespace's name is somebody else's.
    package static let foreignNamespace = "namespace: "

    /// A process mode that did not start, by the line that it said.
    package static func notStarted(_ mode: String, said: String) -> HelperFailure {
        guard said.hasPrefix(foreignNamespace) else {
            return HelperFailure(code: "\(mode).failed", message: "the \(mode) did not start: \(said)")
        }
        return HelperFailure(
            code: "\(mode).namespace", message: String(said.dropFirst(foreignNamespace.count)),
            fix: "choose another name: uncloud-node run --namespace NAME")
    }

    package var description: String { fix.map { "\(message); \($0)" } ?? message }
}
