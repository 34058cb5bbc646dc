internal import Glibc
package import Logging
internal import Model
internal import Synchronization

/// Writes log messages to standard error, a line each: time, level, label, message, metadata. Under systemd, which notes
/// the time itself, the level is its prefix instead.
package struct StandardErrorLog: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let label: String
    private let isJournal: Bool

    package init(label: String, level: Logger.Level, isJournal: Bool) {
        self.label = label
        self.logLevel = level
        self.isJournal = isJournal
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let merged = metadata.merging(event.metadata ?? [:]) { $1 }
        let line = Self.line(
            level: event.level, label: label, message: "\(event.message)", metadata: merged,
            time: isJournal ? nil : (Int(now.tv_sec), Int(now.tv_nsec)))
        var bytes = Array(line.utf8)
        bytes.append(UInt8(ascii: "\n"))
        // One write a line keeps lines of several threads whole.
        _ = write(2, bytes, bytes.count)
    }

    /// The line without its end. Pure.
    package static func line(
        level: Logger.Level, label: String, message: String, metadata: Logger.Metadata,
        time: (seconds: Int, nanoseconds: Int)?
    ) -> String {
        let pairs = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\(value("\($0.value)"))" }.joined()
        let text = CommandFailure.oneLine("\(label): \(message)\(pairs)")
        guard let time else { return "<\(priority(level))>\(text)" }
        let milliseconds = Int64(time.seconds) * 1000 + Int64(time.nanoseconds / 1_000_000)
        return "\(Timestamp.text(unixMilliseconds: milliseconds, alwaysFraction: true)) \(level) \(text)"
    }

    private static func value(_ text: String) -> String {
        text.contains { $0 == " " || $0 == "\"" || $0 == "=" } ? "\"\(text.replacing("\"", with: "\\\""))\"" : text
    }

    /// syslog's priorities, as sd-daemon(3) has them.
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
