/// The node's settings, resolved, each with where it came from.
package struct Settings: Sendable, Equatable {
    package struct Value: Sendable, Equatable {
        package var text: String
        /// `/etc/uncloud/node.yaml:3`, `UNCLOUD_NODE_LOOPS`, `--set`, `--directory` or `default`.
        package var source: String
    }

    package private(set) var values: [String: Value] = [:]

    package init() {}

    /// Sets a key; what is set later wins.
    package mutating func set(_ key: ConfigurationKey, _ text: String, source: String) {
        values[key.path] = Value(text: text, source: source)
    }

    /// Sets a key unless it has a value.
    package mutating func setDefault(_ path: String, _ text: String) {
        guard values[path] == nil else { return }
        values[path] = Value(text: text, source: "default")
    }

    /// The text of a key, nil where it has none.
    package subscript(path: String) -> String? { values[path]?.text }

    /// The whole number of a key that holds one.
    package func number(_ path: String) -> Int64? { self[path].flatMap { Int64($0) } }

    /// The whole seconds of a key that holds a duration.
    package func seconds(_ path: String) -> Int? {
        self[path].flatMap(TimeText.duration).map { Int($0.components.seconds) }
    }
}
