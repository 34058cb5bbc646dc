/// Columns of text, padded to their widest cell and parted by two spaces.
package struct TextTable: Sendable {
    package struct Column: Sendable, Equatable {
        package var title: String
        package var alignsRight: Bool
        /// How wide it is at least: lines that are printed one by one don't know each other's widths.
        package var leastWidth: Int

        package init(_ title: String, alignsRight: Bool = false, leastWidth: Int = 0) {
            self.title = title
            self.alignsRight = alignsRight
            self.leastWidth = leastWidth
        }
    }

    package var columns: [Column]
    package var rows: [[String]]

    package init(columns: [Column], rows: [[String]]) {
        self.columns = columns
        self.rows = rows
    }

    /// The table as text, each line ended; no line ends in spaces, and an empty cell shows as `-`.
    package func render(headers: Bool) -> String {
        let body = rows.map { row in
            columns.indices.map { index in
                let cell = index < row.count ? CommandFailure.oneLine(row[index]) : ""
                return cell.isEmpty ? "-" : cell
            }
        }
        let lines = headers ? [columns.map(\.title)] + body : body
        let widths = columns.indices.map { index in
            max(columns[index].leastWidth, lines.map { $0[index].count }.max() ?? 0)
        }
        return lines.map { line(cells: $0, widths: widths) + "\n" }.joined()
    }

    private func line(cells: [String], widths: [Int]) -> String {
        let padded = cells.indices.map { index in
            let padding = String(repeating: " ", count: widths[index] - cells[index].count)
            return columns[index].alignsRight ? padding + cells[index] : cells[index] + padding
        }
        let joined = padded.joined(separator: "  ")
        return String(
            joined.prefix(upTo: joined.lastIndex { $0 != " " }.map { joined.index(after: $0) } ?? joined.startIndex))
    }
}
