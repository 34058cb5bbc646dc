internal import Glibc

/// The Date field's line, made anew once a second: RFC 9110, section 5.6.7.
package struct DateLine {
    /// `Date: Sun, 06 Nov 1994 08:49:37 GMT` and its line end.
    package private(set) var bytes: [UInt8] = []
    private var second = Int.min

    /// Empty until it is brought up to a second.
    package init() {}

    /// Brings the line up to the clock's second. One read of the kernel's coarse clock, no system call.
    mutating func refresh() {
        var now = timespec()
        // SAFETY: clock_gettime writes to the local given to it.
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        if now.tv_sec != second { set(second: now.tv_sec) }
    }

    /// Renders the line for a second since 1970.
    package mutating func set(second: Int) {
        self.second = second
        bytes = Array("Date: \(Self.text(second))\r\n".utf8)
    }

    /// A second since 1970 in the preferred format of HTTP.
    static func text(_ second: Int) -> String {
        var second = second
        var date = tm()
        // SAFETY: gmtime_r reads and writes the locals given to it.
        gmtime_r(&second, &date)
        let weekday = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][Int(date.tm_wday)]
        let month = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ][Int(date.tm_mon)]
        let year = "\(date.tm_year + 1900)"
        let padded = String(repeating: "0", count: max(0, 4 - year.count)) + year
        let clock = "\(two(date.tm_hour)):\(two(date.tm_min)):\(two(date.tm_sec))"
        return "\(weekday), \(two(date.tm_mday)) \(month) \(padded) \(clock) GMT"
    }

    private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
