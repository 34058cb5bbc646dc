internal import CLinux
internal import Glibc

/// Files, read and written on the threads of a pool, since a disk may block for as long as it likes. Any thread, any task.
///
/// Each call is one body of the pool (`BlockingPool.run`): cancelled before its turn it does nothing, one that runs is awaited.
/// All throw `SystemError` with the path in its words.
public struct Files: Sendable {
    /// Whose threads do the work.
    public let pool: BlockingPool

    /// Works on these threads.
    public init(on pool: BlockingPool) { self.pool = pool }

    /// The whole of a file.
    ///
    /// - Parameters:
    ///   - path: which file; one of /proc, whose size nobody knows before, will do.
    ///   - limit: the most bytes; a longer file is an error (EFBIG).
    ///   - isolation: the caller's actor, on whose executor this waits.
    /// - Returns: its bytes.
    /// - Throws: `SystemError`, and what `BlockingPool.run` throws.
    public func read(
        _ path: String, limit: Int = 64 << 20, isolation: isolated (any Actor)? = #isolation
    ) async throws -> [UInt8] {
        try await pool.run {
            let file = try Self.opened(path, O_RDONLY)
            var bytes: [UInt8] = []
            while true {
                // One more than is allowed shows that there is more.
                let piece = try file.readNow(min(limit - bytes.count + 1, 1 << 20), at: nil)
                if piece.isEmpty { return bytes }
                if bytes.isEmpty { bytes = piece } else { bytes += piece }
                if bytes.count > limit { throw SystemError(errno: EFBIG, operation: "read \(path)") }
            }
        }
    }

    /// A file in pieces, read as they are asked for: no more than one is in memory.
    ///
    /// - Parameters:
    ///   - path: which file; it is opened when the first piece is asked for.
    ///   - size: the most bytes of a piece.
    /// - Returns: a sequence that can be iterated any number of times.
    public func pieces(of path: String, size: Int = 256 << 10) -> FilePieces {
        precondition(size > 0, "pieces of nothing")
        return FilePieces(files: self, path: path, size: size)
    }

    /// Replaces a file, or makes it: whoever opens it finds the old content or the new, never a part.
    ///
    /// It is written beside its place, under a name that begins with a dot, and renamed.
    ///
    /// - Parameters:
    ///   - bytes: its new content.
    ///   - path: which file.
    ///   - mode: the permissions of the new file, less the process's umask.
    ///   - durably: whether it outlives a power cut when this returns (fsync(2) of file and directory).
    ///   - isolation: the caller's actor, on whose executor this waits.
    /// - Throws: `SystemError`, and what `BlockingPool.run` throws; the file is as it was then.
    public func write(
        _ bytes: [UInt8], to path: String, mode: UInt32 = 0o666, durably: Bool = false,
        isolation: isolated (any Actor)? = #isolation
    ) async throws {
        try await pool.run {
            let (directory, name) = Self.parts(of: path)
            let beside = "\(directory)/.\(name).\(UInt64.random(in: 0...(.max)))"
            let file = try Self.opened(beside, O_WRONLY | O_CREAT | O_EXCL, mode: mode, saying: path)
            do {
                try file.writeNow(bytes, at: nil)
                if durably { try file.synchroniseNow() }
                // SAFETY: both paths live for the call.
                try SystemError.check(unsafe rename(beside, path) == 0 ? 0 : -errno, "replace \(path)")
            } catch {
                unsafe unlink(beside)
                throw error
            }
            if durably { try Self.opened(directory, O_RDONLY | O_DIRECTORY).synchroniseNow() }
        }
    }

    /// Writes at a file's end, and makes the file if there is none.
    public func append(
        _ bytes: [UInt8], to path: String, mode: UInt32 = 0o666, isolation: isolated (any Actor)? = #isolation
    ) async throws {
        try await pool.run { try Self.opened(path, O_WRONLY | O_CREAT | O_APPEND, mode: mode).writeNow(bytes, at: nil) }
    }

    /// Opens a file to work on it in pieces.
    ///
    /// - Parameters:
    ///   - path: which file.
    ///   - access: what for.
    ///   - isolation: the caller's actor, on whose executor this waits.
    /// - Returns: the file; closed when nobody holds it, or by `close`.
    /// - Throws: `SystemError`, and what `BlockingPool.run` throws.
    public func open(
        _ path: String, for access: File.Access, isolation: isolated (any Actor)? = #isolation
    ) async throws -> File {
        let pool = pool
        return try await pool.run {
            let opened = try Self.opened(path, access.flags, mode: access.mode)
            return File(opened, on: pool)
        }
    }

    private static func opened(
        _ path: String, _ flags: CInt, mode: UInt32 = 0, saying name: String? = nil
    ) throws(SystemError) -> OpenFile {
        // SAFETY: the path lives for the call.
        let descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
        let name = name ?? path
        try SystemError.check(descriptor < 0 ? -errno : 0, "open \(name)")
        return OpenFile(descriptor: FileDescriptor(owning: descriptor), path: name)
    }

    private static func parts(of path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let directory = path[..<slash]
        return (directory.isEmpty ? "/" : String(directory), String(path[path.index(after: slash)...]))
    }
}

/// A file's bytes, a piece at a time.
public struct FilePieces: AsyncSequence, Sendable {
    let files: Files
    let path: String
    let size: Int

    /// Begins at the file's first byte.
    public func makeAsyncIterator() -> Iterator { Iterator(pieces: self) }

    /// Reads piece after piece.
    public struct Iterator: AsyncIteratorProtocol {
        let pieces: FilePieces
        private var file: File?
        private var offset: Int64 = 0

        init(pieces: FilePieces) { self.pieces = pieces }

        /// The next bytes, nil at the end. Throws `SystemError`, and what `BlockingPool.run` throws.
        public mutating func next() async throws -> [UInt8]? { try await following(isolation: nil) }

        /// The next bytes, on the caller's executor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> [UInt8]? {
            try await following(isolation: actor)
        }

        private mutating func following(isolation: isolated (any Actor)?) async throws -> [UInt8]? {
            let open: File
            if let file { open = file } else { open = try await pieces.files.open(pieces.path, for: .reading) }
            file = open
            let bytes = try await open.read(upTo: pieces.size, at: offset)
            offset += Int64(bytes.count)
            return bytes.isEmpty ? nil : bytes
        }
    }
}
