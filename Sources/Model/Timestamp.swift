/// Times as text: RFC 3339 in UTC, as records and answers carry them. Pure: the caller has the clock.
package enum Timestamp {
    /// `2026-01-31T12:00:00.250Z` of the time since 1970 in milliseconds; whole seconds without a fraction, unless
    /// `alwaysFraction`, as in logs, where lines align.
    package static func text(unixMilliseconds: Int64, alwaysFraction: Bool = false) -> String {
        let day = Int64(86_400_000)
        let days = unixMilliseconds >= 0 ? unixMilliseconds / day : (unixMilliseconds - day + 1) / day
        let rest = unixMilliseconds - days * day
        let (year, month, date) = civil(days)
        let seconds = rest / 1000
        let pad = { (value: Int64, width: Int) in
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let fraction = rest % 1000 == 0 && !alwaysFraction ? "" : "." + pad(rest % 1000, 3)
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(date, 2))T\(pad(seconds / 3600, 2)):"
            + "\(pad(seconds / 60 % 60, 2)):\(pad(seconds % 60, 2))\(fraction)Z"
    }

    /// The time since 1970 in milliseconds of such a text; nil for anything else, also for another zone than Z.
    package static func unixMilliseconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
        for (index, byte) in [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")] where bytes[index] != byte.utf8.first
        {
            return nil
        }
        let number = { (range: Range<Int>) -> Int64? in
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (48...57).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 48)
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let date = number(8..<10),
            let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), (1...12).contains(month), hour < 24,
            minute < 60,
            second <= 60
        else { return nil }
        let days = daysSince1970(year, month, date)
        guard civil(days) == (year, month, date) else { return nil }
        var milliseconds: Int64 = 0
        if bytes.count > 20 {
            guard bytes[19] == UInt8(ascii: "."), bytes.count > 21, bytes.count <= 30 else { return nil }
            guard number(20..<bytes.count - 1) != nil else { return nil }
            let digits = Array(bytes[20..<bytes.count - 1].prefix(3)) + [48, 48, 48]
            milliseconds = digits.prefix(3).reduce(0) { $0 * 10 + Int64($1 - 48) }
        }
        return (days * 86_400 + hour * 3600 + minute * 60 + second) * 1000 + milliseconds
    }

    /// Year, month and day of a day number of the Gregorian calendar, by the 400-year cycle that begins on 1 March.
    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func daysSince1970(_ year: Int64, _ month: Int64, _ date: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + date - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
