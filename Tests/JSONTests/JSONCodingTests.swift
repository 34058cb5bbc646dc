import JSON
import Testing

@Suite("JSON and Codable")
struct JSONCodingTests {
    struct Inner: Codable, Equatable {
        var list: [Int8]
        var big: Int64
    }

    enum Color: String, Codable { case red, green }

    struct Outer: Codable, Equatable {
        var text: String
        var optional: String?
        var double: Double
        var inner: Inner
        var map: [String: Inner]
        var any: JSONValue
        var color: Color
        var anys: [JSONValue]
        var nested: [[Bool]]
        var missing: [String]?
    }

    let value = Outer(
        text: "é", optional: nil, double: 0.1, inner: Inner(list: [-128, 127], big: .max),
        map: ["k": Inner(list: [], big: 0)],
        any: ["x": [1, 2.5, .null]], color: .green, anys: [1, "a"], nested: [[true], []], missing: nil)

    @Test("a type is written and read back the same, 64-bit integers exactly")
    func roundTrip() throws {
        let bytes = try encode(value)
        #expect(try decode(Outer.self, from: bytes) == value)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"any":{"x":[1,2.5,null]},"anys":[1,"a"],"color":"green","double":0.1,"#
                + #""inner":{"big":9223372036854775807,"list":[-128,127]},"map":{"k":{"big":0,"list":[]}},"#
                + #""nested":[[true],[]],"text":"é"}"#)
    }

    @Test("an integer serves where a double is asked for, and a whole double where an integer is")
    func numbers() throws {
        #expect(try decode(Double.self, from: Array("3".utf8)) == 3)
        #expect(try decode(Int.self, from: Array("3.0".utf8)) == 3)
    }

    private func failure<T: Decodable>(_ type: T.Type, _ text: String) -> JSONError? {
        do throws(JSONError) {
            _ = try decode(type, from: Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test("an error of shape names the value")
    func errors() {
        #expect(failure(Inner.self, #"{"list":[1,300],"big":1}"#)?.pointer == "/list/1")
        #expect(failure(Inner.self, #"{"list":[1,300],"big":1}"#)?.description == "/list/1: 300 is outside -128...127")
        #expect(failure(Inner.self, #"{"list":[]}"#)?.message == "\"big\" is missing")
        #expect(
            failure(Inner.self, #"{"list":{},"big":1}"#)?.description == "/list: an array is expected, not an object")
        #expect(
            failure(Inner.self, #"{"list":[],"big":"1"}"#)?.description == "/big: an integer is expected, not a string")
        #expect(failure(Inner.self, #"{"list":[],"big":1.5}"#)?.pointer == "/big")
        #expect(failure([String: Inner].self, #"{"a/b":{"list":[],"big":null}}"#)?.pointer == "/a~1b/big")
        #expect(failure(Inner.self, "[]")?.pointer == "")
        #expect(failure(Inner.self, "{")?.code == .syntax)
        #expect(failure(Color.self, "\"blue\"")?.code == .shape)
        #expect(failure(Bool.self, "1")?.code == .shape)
    }

    @Test("an unsigned integer beyond 63 bits is refused, not changed")
    func tooWide() {
        #expect(throws: JSONError.self) { try encode(UInt64.max) }
    }
}
