import HTTP
import Testing

@Suite("The Date field's line")
struct DateLineTests {
    @Test(
        "a second since 1970 is written as RFC 9110 prefers it",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ])
    func line(second: Int, text: String) {
        var line = DateLine()
        #expect(line.bytes.isEmpty)
        line.set(second: second)
        #expect(String(decoding: line.bytes, as: UTF8.self) == "Date: \(text)\r\n")
    }
}
