import JSON
import Testing

@Suite("Parsing JSON")
struct JSONParsingTests {
    static let validTexts: [(String, JSONValue)] = [
        ("null", JSONValue.null), (" true\n", true), ("false", false), ("0", 0), ("-0", 0), ("-12", -12),
        ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
        ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("1.5", 1.5), ("1e2", .double(100)),
        ("1E-2", 0.01), ("2.0", .double(2)), ("\"\"", ""), ("[]", []), ("{}", [:]), ("[1,[2],{}]", [1, [2], [:]]),
        (#"{"a":{"b":null}}"#, ["a": ["b": .null]]), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (#""\u0041\u00e9\u20ac\ud83d\ude00\u0000""#, "Aé€😀\u{0}"), ("\"\u{7f}é😀\"", "\u{7f}é😀"),
    ]

    @Test("valid texts parse", arguments: validTexts)
    func valid(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
        #expect(try JSONValue(parsing: value.encoded()) == value)
        #expect(try JSONValue(parsing: value.encoded(pretty: true)) == value)
    }

    @Test(
        "invalid texts are refused",
        arguments: [
            "", " ", "nul", "nulll", "True", "01", "-", "1.", ".5", "1e", "1e+", "+1", "0x1", "NaN", "Infinity", "1 2",
            "[", "]", "[1,]", "[,1]", "[1 2]", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}",
            "{\"a\" 1}", "{1:2}", "\"", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"",
            "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"", "\"\t\"", "\"\u{0}\"", "// c\n1",
            "\u{feff}1",
            "1\u{0}", "[1]]",
        ])
    func invalid(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test(
        "bytes that are not UTF-8 are refused",
        arguments: [
            [0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xe2, 0x82, 0x22],
        ] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
    }

    @Test("each kind of mistake has its code and place")
    func codes() {
        let code = { (text: String) -> JSONError? in
            do throws(JSONError) {
                _ = try JSONValue(parsing: text)
                return nil
            } catch {
                return error
            }
        }
        #expect(code(#"{"a":1,"a":2}"#)?.code == .duplicateName)
        #expect(code(#"{"a":1,"\u0061":2}"#)?.code == .duplicateName)
        #expect(code(#"{"a":1,"a":2}"#)?.offset == 7)
        #expect(code("1e400")?.code == .number)
        #expect(code("[1,x]")?.code == .syntax)
        #expect(code("[1,x]")?.offset == 3)
        #expect(code("[1,x]")?.description == "a value is expected (at byte 3)")
    }

    @Test("64 levels are taken and 65 are not")
    func depth() throws {
        let nested = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        _ = try JSONValue(parsing: nested(64))
        #expect(throws: JSONError.self) { try JSONValue(parsing: nested(65)) }
        // Deep input must not exhaust the stack before it is refused.
        #expect(throws: JSONError.self) { try JSONValue(parsing: nested(1_000_000)) }
        // The depth counts nesting, not the number of arrays.
        _ = try JSONValue(parsing: "[" + Array(repeating: "[]", count: 1000).joined(separator: ",") + "]")
    }

    @Test("random bytes never crash it, and what parses is written and read back the same")
    func random() throws {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array(#"{}[]",:\u0123dDeE+-. truefalsn"#.utf8) + [0xc3, 0xa9, 0x0a, 0x00]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            #expect(try JSONValue(parsing: value.encoded()) == value)
        }
    }
}
