import Testing
import uncloud_node

@Suite("What a console script waits for")
struct ConsolePatternTests {
    @Test("a text is found however its bytes are parted")
    func parted() throws {
        var pattern = try ConsolePattern("login: ")
        expect(false, &pattern, Array("web1 log".utf8))
        expect(false, &pattern, Array("in".utf8))
        expect(true, &pattern, Array(": ".utf8))
    }

    @Test("a regular expression stands between slashes")
    func expression() throws {
        var pattern = try ConsolePattern("/@@end [0-9]+ 0/")
        expect(false, &pattern, Array("@@end 17 1\n".utf8))
        expect(true, &pattern, Array("@@end 18 0\n".utf8))
    }

    @Test("a long silence-free output keeps only its end in mind")
    func window() throws {
        var pattern = try ConsolePattern("needle")
        for _ in 0..<40 { expect(false, &pattern, [UInt8](repeating: 0x78, count: 4096)) }
        expect(true, &pattern, Array("needle".utf8))
    }

    @Test("what can't be waited for is refused by the flag's name", arguments: ["", "/(/"])
    func wrong(text: String) throws {
        let failure = try #require(throws: CommandFailure.self) { try ConsolePattern(text) }
        #expect(failure.field == "--until" && failure.status == .usage)
    }

    private func expect(_ found: Bool, _ pattern: inout ConsolePattern, _ bytes: [UInt8]) {
        let result = pattern.take(bytes)
        #expect(result == found)
    }
}
