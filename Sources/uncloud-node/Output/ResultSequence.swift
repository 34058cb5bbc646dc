package import JSON

/// The results of a command about one thing or several, in their order: names and YAML documents are printed as they come, a
/// table or the one array of JSON when all have. Pure.
package struct ResultSequence: Sendable {
    package enum Style: Sendable, Equatable {
        /// What a look shows: YAML unless another format is asked for.
        case shown
        /// What a write changed: the name unless a format is asked for.
        case changed
    }

    private let renderer: Renderer
    private let kind: String
    private let format: OutputFormat
    /// Whether JSON is an array, which depends on how things were named and not on how many there turned out to be.
    private let isSeveral: Bool
    private var held: [JSONValue] = []
    private var isFirst = true

    /// Of the collection `kind`, from whose name the table's columns follow; `isSeveral` where more than one name was given,
    /// or a selector.
    package init(_ style: Style, _ kind: String, isSeveral: Bool, renderer: Renderer) {
        self.renderer = renderer
        self.kind = kind
        self.isSeveral = isSeveral
        format = renderer.format ?? (style == .shown ? .yaml : .name)
    }

    /// Takes the next result, and gives what of it can be printed now.
    package mutating func add(_ document: JSONValue) -> String {
        switch format {
        case .name: return Renderer.name(of: document) + "\n"
        case .yaml:
            defer { isFirst = false }
            return (isFirst ? "" : "---\n") + renderer.document(document)
        case .json where !isSeveral: return renderer.document(document)
        case .json, .table, .wide:
            held.append(document)
            return ""
        }
    }

    /// What is printed at the end.
    package func finish() -> String {
        switch format {
        case .json where isSeveral: renderer.document(.array(held))
        case .table, .wide: held.isEmpty ? "" : renderer.collection(kind, held, revision: nil)
        default: ""
        }
    }
}
