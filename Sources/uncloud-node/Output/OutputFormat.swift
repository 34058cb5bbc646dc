/// How results are printed: `-o`.
package enum OutputFormat: String, Sendable, CaseIterable {
    /// A table of the columns that matter; what a single resource shows as when nobody says otherwise is YAML.
    case table
    /// The table with every column.
    case wide
    case json
    case yaml
    /// The names alone, one a line, for scripts.
    case name
}
