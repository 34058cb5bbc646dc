internal import Glibc

/// A file that keeps the last bytes of an endless stream: `path` grows to half the limit, becomes `path.1`, and starts
/// anew. Between half and all of the limit is there at any time.
///
/// Owned by one loop. A write that fails is counted and forgotten: a full disk must not stop anyone from reading on.
package final class CappedLog {
    /// Both files together, in bytes.
    package static let defaultLimit = 256 << 10

    package let path: String
    /// Bytes that could not be written.
    package private(set) var lost = 0
    private let segment: Int
    private var file: CInt = -1
    private var size = 0

    /// A log that is opened at its first write.
    package init(path: String, limit: Int = CappedLog.defaultLimit) {
        self.path = path
        segment = max(limit / 2, 1)
    }

    deinit { if file >= 0 { Glibc.close(file) } }

    /// The older half.
    static func older(_ path: String) -> String { path + ".1" }

    /// Adds bytes at the end.
    package func append(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            guard openIfNeeded() else {
                lost += bytes.count - start
                return
            }
            let count = min(bytes.count - start, segment - size)
            // SAFETY: `start ..< start + count` lies in the array, which outlives the call.
            let written = bytes.withUnsafeBytes { unsafe write(file, $0.baseAddress.map { $0 + start }, count) }
            guard written > 0 else {
                lost += bytes.count - start
                return
            }
            start += written
            size += written
            if size >= segment { turn() }
        }
    }

    /// The last bytes, at most `count`.
    package func tail(_ count: Int) -> [UInt8] {
        let newest = Self.read(path)
        guard newest.count < count else { return Array(newest.suffix(count)) }
        return Array((Self.read(Self.older(path)) + newest).suffix(count))
    }

    /// The bytes in both files.
    var bytes: Int { Self.size(path) + Self.size(Self.older(path)) }

    private func openIfNeeded() -> Bool {
        guard file < 0 else { return true }
        file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return false }
        size = Self.size(path)
        if size >= segment { turn() }
        return file >= 0
    }

    private func turn() {
        Glibc.close(file)
        file = -1
        guard rename(path, Self.older(path)) == 0 else {
            // Not to grow without end matters more than the newest half.
            truncate(path, 0)
            return
        }
        size = 0
        _ = openIfNeeded()
    }

    private static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    static func read(_ path: String) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return [] }
        defer { Glibc.close(file) }
        var bytes = [UInt8](repeating: 0, count: size(path))
        // SAFETY: the array's own bounds.
        let count = bytes.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
        return Array(bytes.prefix(max(count, 0)))
    }
}
