internal import Model
internal import Yams

/// Reads one configuration file's text: YAML, two levels, every key known.
package enum ConfigurationFile {
    /// A value and the line it stands in.
    package struct Found: Sendable, Equatable {
        package var key: ConfigurationKey
        package var text: String
        package var line: Int
    }

    /// The settings of a file and all that is wrong in it, in the order of the lines.
    package static func parse(_ text: String, source: String) -> (found: [Found], problems: [ConfigurationProblem]) {
        let root: Yams.Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            return ([], [syntaxProblem(error, source: source)])
        }
        guard let root, root.scalar?.string.isEmpty != true else { return ([], []) }
        var reader = Reader(source: source)
        reader.readRoot(root)
        return (reader.found, reader.problems)
    }

    private static func syntaxProblem(_ error: any Error, source: String) -> ConfigurationProblem {
        let fix = "mend the YAML"
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return ConfigurationProblem(source: source, line: mark.line, message: problem, fix: fix)
        case .duplicatedKeysInMapping(let duplicates, let context):
            return ConfigurationProblem(
                source: source, line: context.mark.line, key: duplicates.first, message: "stands there twice",
                fix: "keep one of them")
        default:
            return ConfigurationProblem(source: source, message: "is no YAML", fix: fix)
        }
    }

    private struct Reader {
        var source: String
        var found: [Found] = []
        var problems: [ConfigurationProblem] = []

        mutating func readRoot(_ root: Yams.Node) {
            guard let sections = root.mapping else {
                return complain(root, key: nil, "must hold sections", "begin with a section such as \"node:\"")
            }
            for (name, content) in sections {
                let section = name.scalar?.string ?? ""
                guard ConfigurationKey.sections.contains(section) else {
                    complain(
                        name, key: section, "unknown section",
                        suggestion(for: section, among: ConfigurationKey.sections))
                    continue
                }
                readSection(section, content)
            }
        }

        private mutating func readSection(_ section: String, _ content: Yams.Node) {
            if let scalar = content.scalar, scalar.string.isEmpty || content.tag == Tag(.null) { return }
            guard let entries = content.mapping else {
                return complain(content, key: section, "must hold keys", "write them below it, indented")
            }
            for (name, value) in entries { readEntry(section, name, value) }
        }

        private mutating func readEntry(_ section: String, _ name: Yams.Node, _ value: Yams.Node) {
            let path = "\(section).\(name.scalar?.string ?? "")"
            guard let key = ConfigurationKey.named(path) else {
                let known = ConfigurationKey.all.filter { $0.section == section }.map(\.name)
                return complain(
                    name, key: path, "unknown key", suggestion(for: name.scalar?.string ?? "", among: known))
            }
            guard let text = value.scalar?.string else {
                return complain(value, key: path, "must be a single value", "write it behind the colon")
            }
            if let (message, fix) = key.complaint(about: text) { return complain(value, key: path, message, fix) }
            found.append(Found(key: key, text: text, line: value.mark?.line ?? 0))
        }

        private mutating func complain(_ node: Yams.Node, key: String?, _ message: String, _ fix: String) {
            problems.append(
                ConfigurationProblem(source: source, line: node.mark?.line, key: key, message: message, fix: fix))
        }
    }

    /// "did you mean loops?" where one known word is near, else all of them.
    static func suggestion(for word: String, among known: [String]) -> String {
        if let near = nearest(to: word, among: known) { return "did you mean \(near)?" }
        return "known here: \(known.joined(separator: ", "))"
    }
}
