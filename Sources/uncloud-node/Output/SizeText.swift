/// Sizes in bytes, as operators write and read them.
package enum SizeText {
    private static let units: [(suffix: String, bytes: Int64)] = [
        ("EiB", 1 << 60), ("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
    ]

    /// The size in the largest unit that leaves a whole number or one decimal: `2GiB`, `1.5GiB`, `512MiB`, `0B`.
    package static func format(_ bytes: Int64) -> String {
        guard bytes >= 0 else { return "-" }
        for (suffix, unit) in units where bytes >= unit {
            if bytes % unit == 0 { return "\(bytes / unit)\(suffix)" }
            let tenths = Int64((Double(bytes) / Double(unit) * 10).rounded())
            return tenths % 10 == 0 ? "\(tenths / 10)\(suffix)" : "\(tenths / 10).\(tenths % 10)\(suffix)"
        }
        return "\(bytes)B"
    }
}
