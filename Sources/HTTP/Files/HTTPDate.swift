internal import Glibc

/// Moments as HTTP writes them: RFC 9110, section 5.6.7.
enum HTTPDate {
    /// The preferred format.
    static func text(_ second: Int) -> String { DateLine.text(second) }

    /// The second since 1970 of a date in any of the three formats that must be understood; nil for anything else.
    static func second(_ text: String) -> Int? {
        let parts = text.split { " ,-:".contains($0) }
        switch parts.count {
        // Sun, 06 Nov 1994 08:49:37 GMT, and Sunday, 06-Nov-94 08:49:37 GMT.
        case 8 where parts[7] == "GMT":
            return second(day: parts[1], month: parts[2], year: parts[3], clock: parts[4...6])
        // Sun Nov  6 08:49:37 1994.
        case 7: return second(day: parts[2], month: parts[1], year: parts[6], clock: parts[3...5])
        default: return nil
        }
    }

    private static func second(
        day: Substring, month: Substring, year: Substring, clock: ArraySlice<Substring>
    ) -> Int? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let times = clock.compactMap { Int32($0) }
        guard let month = months.firstIndex(of: String(month)), let day = Int32(day), (1...31).contains(day),
            var number = Int32(year), (0...9999).contains(number), times.count == 3, (0...23).contains(times[0]),
            (0...59).contains(times[1]), (0...60).contains(times[2])
        else { return nil }
        // Two digits: the next century's years are taken for this one's up to 69.
        if year.count == 2 { number += number < 70 ? 2000 : 1900 }
        var date = tm()
        (date.tm_year, date.tm_mon, date.tm_mday) = (number - 1900, Int32(month), day)
        (date.tm_hour, date.tm_min, date.tm_sec) = (times[0], times[1], times[2])
        // SAFETY: timegm reads and writes the local given to it.
        return timegm(&date)
    }
}
