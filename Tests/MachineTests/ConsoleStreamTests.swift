import CLinux
import Glibc
import Machine
import Runtime
import TestSupport
import Testing

@Suite("A client of a console")
struct ConsoleStreamTests {
    @Test("one that doesn't read is told how much it missed, and then goes on with what is new")
    func skipped() async throws {
        var pair: [CInt] = [-1, -1]
        try SystemError.check(cl_socketpair(CInt(SOCK_STREAM.rawValue), &pair), "socketpair")
        let loop = TestLoops.loop
        let stream = ConsoleStream(Connection(adopting: pair[0], on: loop), takesInput: false)
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 64 << 10)
        // More than the kernel, the write under way and the queue hold together; each piece in a turn of its own.
        let sent = 40
        try await spawn(on: loop, "guest") {
            for _ in 0..<sent {
                stream.send(piece)
                await Task.yield()
            }
        }.value
        let client = Connection(adopting: pair[1], on: loop)
        var seen: [UInt8] = []
        while seen.count < ConsoleStream.limit, let bytes = try await client.read() { seen += bytes }
        try await spawn(on: loop, "guest") {
            stream.send(Array("news".utf8))
            stream.finish()
        }.value
        while let bytes = try await client.read() { seen += bytes }
        let text = String(decoding: seen.drop { $0 == UInt8(ascii: "x") }, as: UTF8.self)
        let lost = sent * piece.count - seen.count { $0 == UInt8(ascii: "x") }
        #expect(lost > 0)
        #expect(text == "\r\n[\(lost) bytes skipped]\r\nnews")
    }
}
