internal import CLinux
internal import Glibc

/// An open file, read and written at any place by the threads of a pool. Any thread, any task.
///
/// Cancellation is as with `BlockingPool.run`: what runs is awaited, since half a write is nobody's wish.
public final class File: Sendable {
    /// What a file is opened for.
    public enum Access: Sendable, Hashable {
        /// Reading a file that is there.
        case reading
        /// Reading and writing; the file is made, with these permissions less the umask, if there is none.
        case writing(mode: UInt32 = 0o666)

        var flags: CInt {
            switch self {
            case .reading: O_RDONLY
            case .writing: O_RDWR | O_CREAT
            }
        }

        var mode: UInt32 {
            switch self {
            case .reading: 0
            case .writing(let mode): mode
            }
        }
    }

    /// What runs holds it too, so that its number can't become another file's meanwhile.
    private let held: Locked<OpenFile?>
    private let pool: BlockingPool

    init(_ file: OpenFile, on pool: BlockingPool) {
        held = Locked(file)
        self.pool = pool
    }

    private func openFile() throws(SystemError) -> OpenFile {
        guard let file = held.withLock({ $0 }) else { throw SystemError(errno: EBADF, operation: "a closed file") }
        return file
    }

    /// Bytes from a place on, counted from the file's first: fewer than asked for only at the file's end, none there.
    public func read(
        upTo count: Int, at offset: Int64, isolation: isolated (any Actor)? = #isolation
    ) async throws -> [UInt8] {
        let file = try openFile()
        return try await pool.run { try file.readNow(count, at: offset) }
    }

    /// Writes all of the bytes from a place on.
    public func write(
        _ bytes: [UInt8], at offset: Int64, isolation: isolated (any Actor)? = #isolation
    ) async throws {
        let file = try openFile()
        try await pool.run { try file.writeNow(bytes, at: offset) }
    }

    /// How many bytes it has.
    public func size(isolation: isolated (any Actor)? = #isolation) async throws -> Int64 {
        let file = try openFile()
        return try await pool.run {
            var status = stat()
            // SAFETY: the structure is this call's own.
            let code = unsafe fstat(file.descriptor.number, &status)
            try SystemError.check(code < 0 ? -errno : 0, "look at \(file.path)")
            return Int64(status.st_size)
        }
    }

    /// Cuts the file, or fills it up with zeros, to a size.
    public func truncate(to size: Int64, isolation: isolated (any Actor)? = #isolation) async throws {
        let file = try openFile()
        try await pool.run {
            let code = ftruncate(file.descriptor.number, off_t(size))
            _ = try SystemError.check(code < 0 ? -errno : 0, "cut \(file.path)")
        }
    }

    /// Returns when what was written outlives a power cut (fsync(2)).
    public func synchronise(isolation: isolated (any Actor)? = #isolation) async throws {
        let file = try openFile()
        try await pool.run { try file.synchroniseNow() }
    }

    /// Closes the file, once what runs on it has ended; later calls throw (EBADF). Any number of times.
    public func close() { held.withLock { $0 = nil } }
}

/// A descriptor and the path it was opened by, with calls that block.
struct OpenFile: Sendable {
    let descriptor: FileDescriptor
    let path: String

    /// Up to `count` bytes, fewer only at the end; without an offset from where the last call ended.
    func readNow(_ count: Int, at offset: Int64?) throws(SystemError) -> [UInt8] {
        var failure = 0
        let number = descriptor.number
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            // SAFETY: each call is given the rest of the buffer, and `done` is what has been written to it.
            while done < count, let base = buffer.baseAddress {
                let got =
                    if let offset {
                        unsafe pread(number, base + done, count - done, off_t(offset) + off_t(done))
                    } else {
                        unsafe Glibc.read(number, base + done, count - done)
                    }
                if got == 0 { break }
                if got < 0 && errno == EINTR { continue }
                if got < 0 {
                    failure = Int(errno)
                    break
                }
                done += got
            }
        }
        if failure != 0 { throw SystemError(errno: CInt(failure), operation: "read \(path)") }
        return bytes
    }

    /// All of the bytes; without an offset where the last call ended.
    func writeNow(_ bytes: [UInt8], at offset: Int64?) throws(SystemError) {
        let number = descriptor.number
        var (done, failure) = (0, CInt(0))
        // SAFETY: each call is given the rest of the bytes.
        unsafe bytes.withUnsafeBytes { buffer in
            while done < buffer.count, let base = buffer.baseAddress {
                let put =
                    if let offset {
                        unsafe pwrite(number, base + done, buffer.count - done, off_t(offset) + off_t(done))
                    } else {
                        unsafe Glibc.write(number, base + done, buffer.count - done)
                    }
                if put < 0 && errno == EINTR { continue }
                if put < 0 {
                    failure = errno
                    return
                }
                done += put
            }
        }
        if failure != 0 { throw SystemError(errno: failure, operation: "write \(path)") }
    }

    func synchroniseNow() throws(SystemError) {
        try SystemError.check(fsync(descriptor.number) < 0 ? -errno : 0, "fsync \(path)")
    }
}
