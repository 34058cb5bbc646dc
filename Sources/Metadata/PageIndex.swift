internal import Glibc
internal import HTTP

/// The prepared answers of one guest, by path.
///
/// A look-up reads the entries in their row and, for the one that fits, its path: nothing of the others. Paths are shared by all
/// guests, so that they stay in the processor's cache while thousands of guests ask in turn.
struct PageIndex: Sendable {
    private struct Entry: Sendable {
        var key: UInt64
        var path: [UInt8]
        var response: PreparedResponse
    }

    private var entries: [Entry] = []

    /// Adds an answer; the first one of a path is the one that is found.
    mutating func add(_ path: [UInt8], _ response: PreparedResponse) {
        entries.append(Entry(key: Self.key(path.span), path: SharedPaths.shared(path), response: response))
    }

    /// The answer for a path, compared byte for byte; nil where there is no such page.
    func response(at path: borrowing Span<UInt8>) -> PreparedResponse? {
        let key = Self.key(path)
        for index in entries.indices where entries[index].key == key {
            if Self.isSame(entries[index].path, path) { return entries[index].response }
        }
        return nil
    }

    private static func isSame(_ known: [UInt8], _ path: borrowing Span<UInt8>) -> Bool {
        guard known.count == path.count else { return false }
        return path.withUnsafeBufferPointer { path in
            known.withUnsafeBufferPointer { known in
                guard let ours = known.baseAddress, let theirs = path.baseAddress else { return true }
                // SAFETY: both are lent for the call, and as long as `path`.
                return memcmp(ours, theirs, path.count) == 0
            }
        }
    }

    /// The length and the last seven bytes, in which paths differ.
    private static func key(_ path: borrowing Span<UInt8>) -> UInt64 {
        let length = UInt64(truncatingIfNeeded: path.count) << 56
        if path.count >= 8 {
            // SAFETY: eight bytes of the path, which is lent for the call.
            let last = path.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: path.count - 8, as: UInt64.self) }
            return length | UInt64(littleEndian: last) >> 8
        }
        var key: UInt64 = 0
        for index in 0..<path.count { key |= UInt64(path[index]) << UInt64(8 * index) }
        return length | key
    }
}
