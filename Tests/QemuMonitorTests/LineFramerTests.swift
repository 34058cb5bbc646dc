import QemuMonitor
import Testing

@Suite("Lines of a monitor")
struct LineFramerTests {
    private func lines(_ text: String, inPiecesOf size: Int, limit: Int = LineFramer.defaultLimit) throws -> [String] {
        var framer = LineFramer(limit: limit)
        let bytes = Array(text.utf8)
        var found: [String] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = Array(bytes[start..<min(start + size, bytes.count)])
            found += try framer.append(piece.span).map { String(decoding: $0, as: UTF8.self) }
        }
        return found
    }

    @Test("the lines are the same however the bytes are cut", arguments: [1, 2, 3, 7, 4096])
    func cuts(_ size: Int) throws {
        let text = "{\"a\":1}\r\n{}\n\r\n\n{\"b\":\"x\\n\"}\r\nrest"
        #expect(try lines(text, inPiecesOf: size) == ["{\"a\":1}", "{}", "{\"b\":\"x\\n\"}"])
    }

    @Test("a line that is not ended is kept for later")
    func partial() throws {
        var framer = LineFramer()
        #expect(try framer.append(Array("{\"a\"".utf8).span).isEmpty)
        #expect(framer.pendingBytes == 4)
        #expect(try framer.append(Array(":1}\n".utf8).span) == [Array("{\"a\":1}".utf8)])
        #expect(framer.pendingBytes == 0)
    }

    @Test("a line of the limit's length passes, with either end", arguments: ["\n", "\r\n"])
    func limit(_ end: String) throws {
        let line = String(repeating: "x", count: 64)
        #expect(try lines(line + end, inPiecesOf: 5, limit: 64) == [line])
    }

    @Test(
        "a longer line is an error, whether it ends or not, and nothing is read after it",
        arguments: ["\n", "\r\n", "x\n", ""])
    func tooLong(_ end: String) throws {
        var framer = LineFramer(limit: 64)
        let line = Array((String(repeating: "x", count: 65) + (end.isEmpty ? "xx" : end)).utf8)
        #expect(throws: MonitorError.self) { try framer.append(line.span) }
        #expect(framer.pendingBytes == 0)
        let error = #expect(throws: MonitorError.self) { try framer.append(Array("{}\n".utf8).span) }
        #expect(error?.code == .tooLarge)
        #expect(error?.message.contains("64 bytes") == true)
    }

    @Test("a reply of ten megabytes passes the standard limit")
    func large() throws {
        var framer = LineFramer()
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        for _ in 0..<10 { #expect(try framer.append(piece.span).isEmpty) }
        let lines = try framer.append(Array("\r\n".utf8).span)
        #expect(lines.map(\.count) == [10 << 20])
    }
}
