/// A number of bytes that people write with a unit: `2GiB`, `512MiB`, `1.5TiB`, `20GB`.
package struct ByteSize: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The number of bytes, never negative.
    package let bytes: Int64

    /// Makes a size; a negative number becomes 0.
    package init(bytes: Int64) { self.bytes = max(0, bytes) }

    /// Makes a size of mebibytes.
    package static func mebibytes(_ count: Int64) -> ByteSize { ByteSize(bytes: count << 20) }
    /// Makes a size of gibibytes.
    package static func gibibytes(_ count: Int64) -> ByteSize { ByteSize(bytes: count << 30) }

    /// Why a text is no size, and what to write instead.
    package struct Defect: Error, Sendable, Hashable {
        /// A stable word: `unit`, `unit-unknown`, `number`, `fraction`, `too-large`.
        package let code: String
        /// The end of a sentence that begins with the text.
        package let message: String
        /// What to write instead.
        package let fix: String
    }

    private static let units: [(name: String, factor: Int64)] = [
        ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("PiB", 1 << 50),
        ("kB", 1_000), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
        ("PB", 1_000_000_000_000_000),
    ]

    /// Parses a decimal number followed by a unit: B, KiB, MiB, GiB, TiB, PiB, kB, MB, GB, TB or PB, with at most one
    /// space between. A bare number is refused, since nobody can tell which unit was meant, and so are `G` and `g`.
    ///
    /// - Throws: `Defect`, with the way out.
    package init(_ text: String) throws(Defect) {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        var unit = text.dropFirst(number.count)
        if unit.hasPrefix(" ") { unit = unit.dropFirst() }
        guard number.first?.isNumber == true, number.last?.isNumber == true else {
            throw Defect(
                code: "number", message: "does not begin with a number",
                fix: "write a number and a unit, for example \"2GiB\"")
        }
        guard !unit.isEmpty else {
            throw Defect(
                code: "unit", message: "is a number without a unit",
                fix: "add the unit, for example \"\(number)MiB\" or \"\(number)GiB\"")
        }
        guard let factor = Self.units.first(where: { $0.name == unit })?.factor else {
            throw Self.unknownUnit(String(unit), number: String(number))
        }
        bytes = try Self.product(String(number), factor)
    }

    private static func unknownUnit(_ unit: String, number: String) -> Defect {
        let upper = unit.uppercased()
        let guess = units.map(\.name).first { $0.uppercased() == upper || $0.uppercased() == upper + "IB" }
        return Defect(
            code: "unit-unknown", message: "has the unknown unit \(quoted(unit))",
            fix: guess.map { "write \"\(number)\($0)\"" } ?? "use one of B, KiB, MiB, GiB, TiB, kB, MB, GB, TB")
    }

    private static func product(_ number: String, _ factor: Int64) throws(Defect) -> Int64 {
        let tooLarge = Defect(code: "too-large", message: "is larger than 8 EiB", fix: "write a smaller size")
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2 else {
            throw Defect(code: "number", message: "has more than one point", fix: "write it like \"1.5GiB\"")
        }
        guard let whole = Int64(parts[0]) else { throw tooLarge }
        var (result, overflow) = whole.multipliedReportingOverflow(by: factor)
        guard !overflow else { throw tooLarge }
        guard parts.count == 2 else { return result }
        guard parts[1].utf8.count <= 3, let digits = Int64(parts[1]) else {
            throw Defect(code: "fraction", message: "has more than three decimals", fix: "use a smaller unit")
        }
        let scale: Int64 = [10, 100, 1_000][parts[1].utf8.count - 1]
        // At most 999 * 2^50 < 2^60: no overflow.
        guard digits * factor % scale == 0 else {
            throw Defect(code: "fraction", message: "is not a whole number of bytes", fix: "use a smaller unit")
        }
        (result, overflow) = result.addingReportingOverflow(digits * factor / scale)
        guard !overflow else { throw tooLarge }
        return result
    }

    /// The largest binary unit that gives a whole number; parses back to the same size.
    package var description: String {
        let unit = Self.units[0..<6].last { bytes >= $0.factor && bytes % $0.factor == 0 } ?? Self.units[0]
        return "\(bytes / unit.factor)\(unit.name)"
    }

    package static func < (left: ByteSize, right: ByteSize) -> Bool { left.bytes < right.bytes }
}
