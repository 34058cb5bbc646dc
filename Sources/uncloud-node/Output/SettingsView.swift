internal import JSON

/// Shows the resolved settings. Pure.
package enum SettingsView {
    /// A table of key, value, source and purpose; `-o yaml` gives a file that could be read again.
    package static func render(_ settings: Settings, renderer: Renderer) -> String {
        switch renderer.format {
        case .json: return renderer.document(sections(settings))
        case .yaml: return YAMLText.encode(sections(settings))
        case .name: return ConfigurationKey.all.map { $0.path + "\n" }.joined()
        case .table, .wide, nil:
            let columns = ["KEY", "VALUE", "SOURCE", "PURPOSE"].map { TextTable.Column($0) }
            let rows = ConfigurationKey.all.map { key in
                [key.path, settings[key.path] ?? "", settings.values[key.path]?.source ?? "", key.summary]
            }
            return TextTable(columns: columns, rows: rows).render(headers: renderer.headers)
        }
    }

    private static func sections(_ settings: Settings) -> JSONValue {
        var sections: [String: JSONValue] = [:]
        for key in ConfigurationKey.all {
            guard let text = settings[key.path] else { continue }
            var section = sections[key.section] ?? [:]
            section[key.name] = key.kind.isNumber ? Int64(text).map { .int($0) } ?? .string(text) : .string(text)
            sections[key.section] = section
        }
        return .object(sections)
    }
}
