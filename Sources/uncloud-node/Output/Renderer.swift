package import JSON

/// Turns results into what goes to standard output. Pure: the time is given.
package struct Renderer: Sendable {
    /// Nil where nobody said: a table for collections, YAML for one thing.
    package var format: OutputFormat?
    package var headers: Bool
    /// Seconds since 1970, for ages.
    package var now: Double
    package var showsSecrets: Bool

    package init(format: OutputFormat? = nil, headers: Bool = true, now: Double, showsSecrets: Bool = false) {
        self.format = format
        self.headers = headers
        self.now = now
        self.showsSecrets = showsSecrets
    }

    /// A collection: a table, `{"items": [...], "revision": N}`, or names.
    package func collection(_ kind: String, _ documents: [JSONValue], revision: Int64?) -> String {
        let shown = documents.map(prepared)
        switch format ?? .table {
        case .table: return table(kind, shown, wide: false)
        case .wide: return table(kind, shown, wide: true)
        case .name: return shown.map { Self.name(of: $0) + "\n" }.joined()
        case .json: return json(list(shown, revision: revision))
        case .yaml: return YAMLText.encode(list(shown, revision: revision))
        }
    }

    /// One resource: YAML unless a format is asked for.
    package func one(_ kind: String, _ document: JSONValue) -> String {
        let shown = prepared(document)
        switch format {
        case .table: return table(kind, [shown], wide: false)
        case .wide: return table(kind, [shown], wide: true)
        case .name: return Self.name(of: shown) + "\n"
        case .json: return json(shown)
        case .yaml, nil: return YAMLText.encode(shown)
        }
    }

    /// What a write answered: the name alone where a person looks on, the document where a program asked for one.
    package func changed(_ document: JSONValue) -> String {
        switch format {
        case .json, .yaml, .table, .wide: one(document["kind"]?.stringValue ?? "", document)
        case .name, nil: Self.name(of: document) + "\n"
        }
    }

    /// A look at something that is no resource, such as the node's status: the document as JSON or YAML, else its rows, with
    /// the first column as their names.
    package func look(
        _ kind: String, _ document: JSONValue, rows: [JSONValue], usually usual: OutputFormat
    ) -> String {
        let shown = rows.map(prepared)
        switch format ?? usual {
        case .table: return table(kind, shown, wide: false)
        case .wide: return table(kind, shown, wide: true)
        case .name:
            let column = ResourceColumn.columns(of: kind).first
            return shown.map { row in CommandFailure.oneLine(column?.cell(row, now) ?? "-") + "\n" }.joined()
        case .json: return json(prepared(document))
        case .yaml: return YAMLText.encode(prepared(document))
        }
    }

    /// A document that is shown as JSON or YAML alone.
    package func document(_ document: JSONValue) -> String {
        format == .json ? json(prepared(document)) : YAMLText.encode(prepared(document))
    }

    /// What stands before the first line of a stream: the table's head.
    package func streamHead(_ kind: String) -> String {
        let isTable = format != .json && format != .yaml
        return isTable ? table(kind, [], wide: format == .wide) : ""
    }

    /// One line of a stream: JSON where asked for, a YAML document, else a table's row.
    package func streamed(_ kind: String, _ value: JSONValue) -> String {
        switch format ?? .table {
        case .json: return String(decoding: prepared(value).encoded(), as: UTF8.self) + "\n"
        case .yaml: return "---\n" + YAMLText.encode(prepared(value))
        default: return table(kind, [prepared(value)], wide: format == .wide, headers: false)
        }
    }

    /// The name that other commands take: of a MAC the address, of a thing without a name its UUID.
    package static func name(of document: JSONValue) -> String {
        ResourceColumn.text(document["name"] ?? document["mac"] ?? document["uuid"])
    }

    private func prepared(_ document: JSONValue) -> JSONValue {
        showsSecrets ? document : Redaction.redacted(document)
    }

    private func json(_ value: JSONValue) -> String {
        String(decoding: value.encoded(pretty: true), as: UTF8.self) + "\n"
    }

    private func list(_ items: [JSONValue], revision: Int64?) -> JSONValue {
        var list: JSONValue = ["items": .array(items)]
        list["revision"] = revision.map { .int($0) }
        return list
    }

    private func table(_ kind: String, _ documents: [JSONValue], wide: Bool, headers: Bool? = nil) -> String {
        let columns = ResourceColumn.columns(of: kind).filter { wide || !$0.isWide }
        return TextTable(
            columns: columns.map { .init($0.title, alignsRight: $0.alignsRight, leastWidth: $0.leastWidth) },
            rows: documents.map { document in columns.map { $0.cell(document, now) } }
        ).render(headers: headers ?? self.headers)
    }
}
