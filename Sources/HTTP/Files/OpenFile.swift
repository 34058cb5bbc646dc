internal import Glibc
internal import Runtime

/// A regular file, open for reading, and what it was like when it was opened. Its calls block.
struct OpenFile: Sendable {
    let descriptor: FileDescriptor
    let length: Int64
    let lastModified: Int
    let tag: EntityTag

    /// Opens the file that the names lead to from a directory, without following a symbolic link or leaving the directory; nil
    /// if there is no regular file.
    static func open(_ names: [String], below directory: String) throws(SystemError) -> OpenFile? {
        guard let last = names.last, names.allSatisfy(isName) else { return nil }
        var current = FileDescriptor(owning: Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        guard current.number >= 0 else { throw SystemError(errno: errno, operation: "open \(directory)") }
        for name in names.dropLast() {
            let next = openat(current.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            if next < 0 { return try absent(name) }
            current = FileDescriptor(owning: next)
        }
        let file = openat(current.number, last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        if file < 0 { return try absent(last) }
        return try look(FileDescriptor(owning: file))
    }

    /// Opens a path as the program has it.
    static func open(_ path: String) throws(SystemError) -> OpenFile? {
        // Non-blocking, since opening a FIFO would wait for its writer.
        let file = Glibc.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        if file < 0 { return try absent(path) }
        return try look(FileDescriptor(owning: file))
    }

    /// A name that stands for an entry of its directory and for nothing else.
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text != "." && text != ".." && !text.utf8.contains { $0 == 0 || $0 == Byte.slash }
    }

    /// Nothing, for the errors that mean as much; a link that is not followed is one.
    private static func absent(_ name: String) throws(SystemError) -> OpenFile? {
        let code = errno
        switch code {
        case ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, ENXIO, EISDIR: return nil
        default: throw SystemError(errno: code, operation: "open \(name)")
        }
    }

    private static func look(_ descriptor: FileDescriptor) throws(SystemError) -> OpenFile? {
        var status = stat()
        // SAFETY: fstat writes to the local given to it.
        guard fstat(descriptor.number, &status) == 0 else { throw SystemError(errno: errno, operation: "fstat") }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let modified = status.st_mtim
        // The kernel's file times are as coarse as its tick: what changed a moment ago may change again and show the same time.
        let isFresh = now.tv_sec - modified.tv_sec < 2
        let parts = [Int(status.st_ino), Int(status.st_size), modified.tv_sec, modified.tv_nsec]
        let value = parts.map { String($0, radix: 16) }.joined(separator: "-")
        return OpenFile(
            descriptor: descriptor, length: Int64(status.st_size), lastModified: modified.tv_sec,
            tag: EntityTag(value, isWeak: isFresh))
    }

    /// Up to `count` bytes from `offset` on; fewer only at the end of the file.
    func read(at offset: Int64, count: Int) throws(SystemError) -> [UInt8] {
        var failure: CInt = 0
        // SAFETY: pread writes at most as many bytes as it is told; `filled` says how many it did.
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count, let start = buffer.baseAddress {
                let done = pread(descriptor.number, start + filled, count - filled, off_t(offset) + off_t(filled))
                if done < 0, errno == EINTR { continue }
                if done < 0 { failure = errno }
                if done <= 0 { break }
                filled += done
            }
        }
        if failure != 0 { throw SystemError(errno: failure, operation: "read a file") }
        return bytes
    }
}
