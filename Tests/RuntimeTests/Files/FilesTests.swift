import Glibc
import Runtime
import TestSupport
import Testing

@Suite("files")
struct FilesTests {
    private static let files = Files(on: BlockingPool(threads: 2, label: "files"))

    @Test("are written whole and read whole, and replaced without a moment in between")
    func whole() async throws {
        let directory = try TemporaryDirectory("files")
        let path = directory.file("file")
        let files = Self.files
        let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try await bounded {
            try await files.write(Array("first".utf8), to: path, mode: 0o600)
            #expect(try await files.read(path) == Array("first".utf8))
            let reader = try await files.open(path, for: .reading)
            try await files.write(large, to: path, durably: true)
            #expect(try await files.read(path) == large)
            // Who had opened the old one still has it.
            #expect(try await reader.read(upTo: 100, at: 0) == Array("first".utf8))
            #expect(try await files.read("/proc/self/comm").isEmpty == false)
            let list = ProcessSpec(executable: "ls", arguments: ["-A", directory.path])
            #expect(try await runProcess(list, on: TestLoops.loop).text == "file\n")
        }
    }

    @Test("longer than the limit, missing or not to be written are errors with the path, and leave nothing behind")
    func errors() async throws {
        let directory = try TemporaryDirectory("files")
        let path = directory.file("file")
        let files = Self.files
        try await bounded {
            try await files.write([1, 2, 3, 4], to: path)
            #expect(try await files.read(path, limit: 4).count == 4)
            let long = await #expect(throws: SystemError.self) { try await files.read(path, limit: 3) }
            #expect(long?.errno == EFBIG)
            let missing = await #expect(throws: SystemError.self) { try await files.read(directory.file("none")) }
            #expect(missing?.errno == ENOENT && missing?.description.contains("none") == true)
            let nowhere = await #expect(throws: SystemError.self) {
                try await files.write([1], to: directory.file("no/where"))
            }
            #expect(nowhere?.errno == ENOENT)
            // A directory can't be replaced by a file.
            await #expect(throws: SystemError.self) { try await files.write([1], to: directory.path + "/.") }
            #expect(try await files.read(path) == [1, 2, 3, 4])
        }
    }

    @Test("are read in pieces and appended to")
    func pieces() async throws {
        let directory = try TemporaryDirectory("files")
        let path = directory.file("file")
        let files = Self.files
        try await bounded {
            for piece in 0..<5 { try await files.append(Array(repeating: UInt8(piece), count: 1000), to: path) }
            var sizes: [Int] = []
            var bytes: [UInt8] = []
            for try await piece in files.pieces(of: path, size: 1500) {
                sizes.append(piece.count)
                bytes += piece
            }
            #expect(sizes == [1500, 1500, 1500, 500])
            #expect(bytes == (0..<5).flatMap { Array(repeating: UInt8($0), count: 1000) })
        }
    }

    @Test("are read and written at any place, until they are closed")
    func places() async throws {
        let directory = try TemporaryDirectory("files")
        let files = Self.files
        try await bounded {
            let file = try await files.open(directory.file("file"), for: .writing(mode: 0o600))
            try await file.write([5, 6], at: 10)
            #expect(try await file.size() == 12)
            #expect(try await file.read(upTo: 100, at: 9) == [0, 5, 6])
            #expect(try await file.read(upTo: 100, at: 12).isEmpty)
            try await file.truncate(to: 11)
            try await file.synchronise()
            #expect(try await file.read(upTo: 100, at: 9) == [0, 5])
            file.close()
            file.close()
            let closed = await #expect(throws: SystemError.self) { try await file.size() }
            #expect(closed?.errno == EBADF)
        }
    }

    @Test("wait for their thread, and are not touched when cancelled before their turn; a full pool refuses")
    func bound() async throws {
        let directory = try TemporaryDirectory("files")
        let path = directory.file("file")
        let pool = BlockingPool(threads: 1, waiting: 1, label: "narrow")
        let files = Files(on: pool)
        let (hold, begun) = (Hold(), Event())
        let loop = TestLoops.loop
        try await bounded(on: loop) {
            let busy = spawn(on: loop, "busy") {
                try await pool.run {
                    begun.happen()
                    hold.wait()
                }
            }
            try await begun.wait()
            let writing = spawn(on: loop, "write") { try await files.write([1], to: path) }
            // The writer is on this loop: after these turns it waits.
            for _ in 0..<10 { await Task.yield() }
            let full = await #expect(throws: BlockingPoolFull.self) { try await files.read(path) }
            #expect(full?.label == "narrow")
            writing.cancel()
            await #expect(throws: CancellationError.self) { try await writing.value }
            hold.release()
            try await busy.value
            await pool.shutdown()
            #expect(!Requirement.isPresent(path))
        }
    }
}
