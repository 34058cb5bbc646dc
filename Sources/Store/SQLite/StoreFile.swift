internal import Glibc

/// The store's file in the system: its directory, its mode, and who has it.
enum StoreFile {
    /// Makes sure that the file is there, is ours to write and nobody else's to read.
    ///
    /// - Throws: `StoreError` notWritable, full.
    static func prepare(_ path: String) throws(StoreError) {
        let directory = parent(of: path)
        try checkDirectory(directory)
        let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            guard errno == EEXIST else { throw error(path, errno) }
            return try checkFile(path)
        }
        // Never closed while a store of this process has the same file: O_EXCL has just made it. (Closing any descriptor
        // of a file drops all locks that the process has on it.)
        close(descriptor)
        let directoryDescriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directoryDescriptor >= 0, fsync(directoryDescriptor) == 0 else { throw error(directory, errno) }
        close(directoryDescriptor)
    }

    /// Runs the body; where another process has the file, the error names it.
    static func explainingLock<T>(_ path: String, _ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch var error as StoreError where error.code == .locked {
            if let pid = lockOwner(path) { error.message += ", number \(pid)" }
            throw error
        }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func checkDirectory(_ directory: String) throws(StoreError) {
        var status = stat()
        guard stat(directory, &status) == 0 else {
            guard errno == ENOENT else { throw error(directory, errno) }
            throw StoreError(
                .notWritable, "the store's directory \(directory) does not exist",
                fix: "make it: install -d -m 0700 \(directory)")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw error(directory, ENOTDIR) }
        guard access(directory, W_OK | X_OK) == 0 else { throw error(directory, errno) }
    }

    private static func checkFile(_ path: String) throws(StoreError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw error(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError(
                .notWritable, "the store \(path) is no regular file", fix: "give the daemon another state directory")
        }
        guard access(path, R_OK | W_OK) == 0 else { throw error(path, errno) }
        // User-data and keys are secrets, whatever mode a copied file came with.
        if status.st_mode & 0o077 != 0 { guard chmod(path, 0o600) == 0 else { throw error(path, errno) } }
    }

    private static func error(_ path: String, _ code: CInt) -> StoreError {
        let cause = String(cString: strerror(code))
        let user = geteuid()
        return switch code {
        case ENOSPC, EDQUOT:
            StoreError(.full, "the disk of \(path) is full", fix: "free some space: df \(path)", cause: cause)
        case EROFS:
            StoreError(
                .notWritable, "\(path) is on a read-only file system",
                fix: "mount it writable, or give the daemon another state directory", cause: cause)
        case ENOTDIR:
            StoreError(
                .notWritable, "the store's directory \(path) is no directory",
                fix: "give the daemon another state directory", cause: cause)
        default:
            StoreError(
                .notWritable, "\(path) can't be written by user \(user)",
                fix: "give the daemon a state directory of its own: install -d -m 0700 -o \(user) DIRECTORY",
                cause: cause)
        }
    }

    /// The process that has locks on the file, by the kernel's list: asking by fcntl would need a descriptor, and closing
    /// that would drop this process's own locks.
    private static func lockOwner(_ path: String) -> pid_t? {
        var status = stat()
        guard stat(path, &status) == 0, let file = fopen("/proc/locks", "re") else { return nil }
        defer { fclose(file) }
        let inode = ":\(status.st_ino)"
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, CInt(line.count), file) != nil {
            // 1: POSIX  ADVISORY  WRITE 1234 fe:01:5678 0 EOF
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let fields = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
            guard fields.count >= 6, fields[5].hasSuffix(inode), let pid = pid_t(fields[4]), pid > 0 else { continue }
            return pid
        }
        return nil
    }
}
