internal import Model

/// A setting of the node: where it stands in the file, what it may hold, what it is when nobody says.
package struct ConfigurationKey: Sendable, Equatable {
    /// What a value must look like.
    package enum Kind: Sendable, Equatable {
        /// Any text of one line that is not empty.
        case text
        /// An absolute path.
        case path
        /// A program: a name looked up in PATH, or an absolute path.
        case program
        /// A whole number in a range.
        case number(ClosedRange<Int64>)
        /// The first of a range of user ids, or 0.
        case userBase
        /// A number with a unit of time, `60s`.
        case duration
        /// A lower-case label: letters, digits, hyphens, at most 63.
        case label
        case choice([String])

        /// Whether a value is a whole number.
        var isNumber: Bool {
            switch self {
            case .number, .userBase: true
            default: false
            }
        }
    }

    package var section: String
    package var name: String
    package var kind: Kind
    /// Nil where it follows from other settings or from the host.
    package var fallback: String?
    /// One line for `config show` and the manual.
    package var summary: String

    /// `node.loops`
    package var path: String { "\(section).\(name)" }

    /// `UNCLOUD_NODE_LOOPS`
    package var variable: String {
        "UNCLOUD_" + path.uppercased().map { $0 == "." || $0 == "-" ? "_" : String($0) }.joined()
    }

    /// Everything that can be set.
    package static let all: [ConfigurationKey] = [
        key("node", "name", .label, nil, "the node's name in lists; the host's name unless set"),
        key("node", "state-directory", .path, nil, "where the store and the node's identity are kept"),
        key("node", "run-directory", .path, nil, "where sockets, pid files, logs and console rings are"),
        key("node", "namespace", .label, "uncloud", "the name of the VMs' network namespace under /run/netns (root)"),
        key("node", "loops", .number(0...1024), "0", "event loops; 0 is one for each core"),
        key("node", "qemu", .program, "qemu-system-x86_64", "the QEMU program"),
        key("node", "accelerator", .choice(["auto", "kvm", "tcg"]), "auto", "what runs the guests' processors"),
        key(
            "node", "vm-user-base", .userBase, "1900000000",
            "first of a million user ids, one a VM (root); 0: VMs run as the daemon's user"),
        key("api", "group", .text, nil, "the group whose members may use the API socket; it equals root"),
        key("shutdown", "stop-timeout", .duration, "60s", "how long a guest gets to power off"),
        key(
            "log", "level", .choice(["trace", "debug", "info", "notice", "warning", "error"]), "info",
            "the least serious message that is written"),
    ]

    /// The key of this path, nil where there is none.
    package static func named(_ path: String) -> ConfigurationKey? { all.first { $0.path == path } }

    package static var sections: [String] {
        all.map(\.section).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    private static func key(
        _ section: String, _ name: String, _ kind: Kind, _ fallback: String?, _ summary: String
    ) -> ConfigurationKey {
        ConfigurationKey(section: section, name: name, kind: kind, fallback: fallback, summary: summary)
    }

    /// Why this key can't hold the text, nil when it can.
    package func complaint(about text: String) -> (message: String, fix: String)? {
        switch kind {
        case .text:
            return text.isEmpty || text.contains("\n")
                ? ("must be one line of text", "write a name, or leave it out") : nil
        case .path:
            return text.hasPrefix("/") ? nil : ("\(quoted(text)) is no absolute path", "begin it with /")
        case .program:
            let isName = !text.isEmpty && !text.contains("/")
            return isName || text.hasPrefix("/")
                ? nil : ("\(quoted(text)) is neither a program's name nor an absolute path", "begin it with /")
        case .number(let range):
            if let number = Int64(text), range.contains(number) { return nil }
            return (
                "\(quoted(text)) is not a whole number from \(range.lowerBound) to \(range.upperBound)", "write one"
            )
        case .userBase:
            if let number = Int64(text), number == 0 || (1000...4_000_000_000).contains(number) { return nil }
            return (
                "\(quoted(text)) is no user id from 1000 to 4000000000 that a range can begin with",
                "write one, or 0 for none"
            )
        case .duration:
            guard let duration = TimeText.duration(text) else {
                let hasNoUnit = !text.isEmpty && text.allSatisfy(\.isNumber)
                return (
                    hasNoUnit ? "\(quoted(text)) has no unit" : "\(quoted(text)) is no duration",
                    "write it as 60s or 2m"
                )
            }
            return duration >= .seconds(1) ? nil : ("\(quoted(text)) is less than a second", "write it as 60s or 2m")
        case .label:
            guard let error = Name.error(for: text, field: name, pointer: "") else { return nil }
            return (error.message, error.fix)
        case .choice(let choices):
            return choices.contains(text)
                ? nil : ("\(quoted(text)) is none of \(choices.joined(separator: ", "))", "write one of them")
        }
    }
}
