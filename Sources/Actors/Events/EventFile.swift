internal import CLinux
internal import Foundation
internal import JSON
internal import Runtime

/// The node's events on disk, a JSON object a line: `path`, and `path.1` with those before.
///
/// On a thread of its own, since a disk may block. What can't be written is lost to the next daemon and to nobody else: a full
/// disk must not stop the node from telling what happened.
actor EventFile {
    private nonisolated let executor = BlockingExecutor(label: "events")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let path: String
    /// Events in each of the two files.
    private let capacity: Int
    private var count = 0

    init(path: String, capacity: Int) {
        self.path = path
        self.capacity = capacity
    }

    /// The newest events, oldest first. A line that is none, as the last one of a lost power may be, is left out.
    func load() -> [JSONValue] {
        let newest = Self.lines(path)
        count = newest.count
        return (Self.lines(path + ".1") + newest).suffix(capacity).compactMap { try? JSONValue(parsing: $0) }
    }

    /// Adds events at the end.
    func append(_ events: [JSONValue]) {
        if count + events.count > capacity {
            rename(path, path + ".1")
            count = 0
        }
        let file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return }
        defer { cl_close(file) }
        var bytes = events.flatMap { $0.encoded() + [UInt8(ascii: "\n")] }
        // The end of a line that was cut off is its own, not the next one's beginning.
        if !Self.endsLine(file) { bytes.insert(UInt8(ascii: "\n"), at: 0) }
        if write(file, bytes, bytes.count) == bytes.count { count += events.count }
    }

    private static func endsLine(_ file: CInt) -> Bool {
        let size = lseek(file, 0, SEEK_END)
        var last: UInt8 = 0
        return size <= 0 || pread(file, &last, 1, size - 1) != 1 || last == UInt8(ascii: "\n")
    }

    private static func lines(_ path: String) -> [ArraySlice<UInt8>] {
        NodeFiles.contents(path).split(separator: UInt8(ascii: "\n"))
    }
}
