internal import CSQLite
internal import Glibc

/// What SQLite answered, in its own terms. The store makes a `StoreError` of it where the path is known.
struct SQLiteFailure: Error, CustomStringConvertible {
    /// The extended result code.
    let code: CInt
    /// `errno` of the system call that failed, 0 if none did.
    let errno: CInt
    /// SQLite's message.
    let message: String
    /// What was being done.
    let operation: String

    /// The primary result code.
    var primary: CInt { code & 0xff }

    /// Whether what was written may or may not be on the disk.
    var leavesOutcomeOpen: Bool {
        guard primary == SQLITE_IOERR else { return false }
        return errno != ENOSPC && errno != EDQUOT
    }

    var description: String {
        let system = errno == 0 ? "" : ": \(String(cString: strerror(errno)))"
        return "\(operation): \(message)\(system), SQLite code \(code)"
    }

    /// The error for callers, with what to do about it.
    func storeError(path: String) -> StoreError {
        switch primary {
        case SQLITE_BUSY, SQLITE_LOCKED:
            StoreError(
                .locked, "the store \(path) is in use by another process",
                fix: "stop the other uncloud-node, or give this one a state directory of its own", cause: description)
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            StoreError(
                .corrupt, "the store \(path) is damaged",
                fix: "keep the file aside and restore a backup; nothing was changed", cause: description)
        case SQLITE_FULL: full(path)
        case SQLITE_IOERR where errno == ENOSPC || errno == EDQUOT: full(path)
        case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH, SQLITE_CANTOPEN: notWritable(path)
        case SQLITE_IOERR where errno == EROFS || errno == EACCES || errno == EPERM: notWritable(path)
        default:
            StoreError(
                .unavailable, "the store \(path) failed", fix: "look at the disk (dmesg), then restart the daemon",
                cause: description)
        }
    }

    private func full(_ path: String) -> StoreError {
        StoreError(
            .full, "the disk of the store \(path) is full; nothing was changed",
            fix: "free some space: df \(path)", cause: description)
    }

    private func notWritable(_ path: String) -> StoreError {
        StoreError(
            .notWritable, "the store \(path) can't be written",
            fix: "give the daemon a state directory that its user owns, with all files in it", cause: description)
    }
}
