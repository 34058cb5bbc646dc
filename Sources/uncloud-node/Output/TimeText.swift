internal import Model

/// Spans of time as operators write and read them; points in time are `Timestamp`'s.
package enum TimeText {
    /// The span in its largest unit, as in the AGE column: `45s`, `12m`, `3h`, `9d`; `-` where it is unknown.
    package static func age(from created: String?, now: Double) -> String {
        guard let created, let start = Timestamp.unixMilliseconds(created) else { return "-" }
        return span(seconds: now - Double(start) / 1000)
    }

    /// `45s`, `12m`, `3h`, `9d`; a span that clocks made negative is `0s`.
    package static func span(seconds: Double) -> String {
        let whole = Int64(max(0, min(seconds, 1e12)))
        switch whole {
        case ..<120: return "\(whole)s"
        case ..<7_200: return "\(whole / 60)m"
        case ..<172_800: return "\(whole / 3_600)h"
        default: return "\(whole / 86_400)d"
        }
    }

    /// A duration with its unit (`500ms`, `60s`, `5m`, `2h`), nil where the text is none; a bare number is none.
    package static func duration(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, digits.count <= 9, let value = Int64(digits) else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": return .milliseconds(value)
        case "s": return .seconds(value)
        case "m": return .seconds(value * 60)
        case "h": return .seconds(value * 3_600)
        case "d": return .seconds(value * 86_400)
        default: return nil
        }
    }

    /// A duration as it would be written: `60s`, `1.5s`, `500ms`.
    package static func words(_ duration: Duration) -> String {
        let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
        guard milliseconds % 1000 != 0 else { return "\(milliseconds / 1000)s" }
        return milliseconds < 1000 ? "\(milliseconds)ms" : "\(Double(milliseconds) / 1000)s"
    }
}
