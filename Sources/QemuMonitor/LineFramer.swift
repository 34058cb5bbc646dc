/// Cuts the bytes of a monitor into lines, one JSON object each.
///
/// QEMU writes one object a line, ended by CR LF, and cuts nowhere else: a reply may be a few bytes or some hundred
/// kilobytes (`query-qmp-schema`), and a read may hold many lines or a part of one. Each byte is looked at once. Pure:
/// no I/O, any thread, one owner at a time.
public struct LineFramer: Sendable {
    /// The longest line that QEMU is believed; its own replies stay far below.
    public static let defaultLimit = 10 << 20

    /// What has come of a line that is not yet ended.
    private var partial: [UInt8] = []
    private var overflowed = false
    private let limit: Int

    /// A framer that refuses lines of more than `limit` bytes.
    ///
    /// - Parameter limit: in bytes, without the line's end.
    public init(limit: Int = LineFramer.defaultLimit) {
        self.limit = limit
    }

    /// The bytes held of a line that is not yet ended.
    public var pendingBytes: Int { partial.count }

    /// Takes what was read and gives the lines that it completes, without their ends; empty lines are left out.
    ///
    /// - Parameter bytes: one read, of any length.
    /// - Returns: the lines, oldest first.
    /// - Throws: `MonitorError` with the code `tooLarge` once a line is longer than the limit. Nothing can be read of
    ///   such a stream any more, so every later call throws it too.
    public mutating func append(_ bytes: Span<UInt8>) throws(MonitorError) -> [[UInt8]] {
        guard !overflowed else { throw tooLarge() }
        var lines: [[UInt8]] = []
        var start = 0
        for index in 0..<bytes.count where bytes[index] == UInt8(ascii: "\n") {
            try take(bytes, from: start, to: index)
            try endLine(into: &lines)
            start = index + 1
        }
        try take(bytes, from: start, to: bytes.count)
        return lines
    }

    private mutating func take(_ bytes: Span<UInt8>, from start: Int, to end: Int) throws(MonitorError) {
        // One byte more than the limit is held for the CR of a line that has exactly the limit's length.
        guard partial.count + (end - start) <= limit + 1 else { throw overflow() }
        guard start < end else { return }
        partial.reserveCapacity(partial.count + end - start)
        for index in start..<end { partial.append(bytes[index]) }
    }

    private mutating func endLine(into lines: inout [[UInt8]]) throws(MonitorError) {
        if partial.last == UInt8(ascii: "\r") { partial.removeLast() }
        guard partial.count <= limit else { throw overflow() }
        guard !partial.isEmpty else { return }
        lines.append(partial)
        partial = []
    }

    private mutating func overflow() -> MonitorError {
        overflowed = true
        partial = []
        return tooLarge()
    }

    private func tooLarge() -> MonitorError {
        MonitorError(.tooLarge, "the monitor sent a line of more than \(limit) bytes; its stream can't be read on")
    }
}
