import JSON
import Testing

@Suite("JSON values")
struct JSONValueTests {
    @Test("a text parses and is written back with sorted names")
    func roundTrip() throws {
        let value = try JSONValue(parsing: #" {"b":[1,-2.5e3,true,null],"a":"x\u00e9\ud83d\ude00\n"} "#)
        #expect(value.description == #"{"a":"xé😀\n","b":[1,-2500.0,true,null]}"#)
    }

    @Test("pretty text is indented by two spaces")
    func pretty() {
        let value: JSONValue = ["a": [1, [:]], "b": [:], "c": []]
        let text = String(decoding: value.encoded(pretty: true), as: UTF8.self)
        #expect(text == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {},\n  \"c\": []\n}")
    }

    @Test("control characters are escaped, also delete")
    func escapes() {
        #expect(JSONValue.string("\u{0}\u{1f}\u{7f}\"\\/").description == #""\u0000\u001f\u007f\"\\/""#)
    }

    @Test("names are sorted by their bytes")
    func sorting() {
        let value: JSONValue = ["é": 1, "e\u{301}": 2, "z": 3, "Z": 4, "": 5]
        #expect(value.description.hasPrefix(#"{"":5,"Z":4,"#))
        #expect(value.description.hasSuffix(#""z":3,"é":1}"#) || value.objectValue?.count == 4)
    }

    @Test("a number that is not finite becomes null")
    func notFinite() {
        #expect(JSONValue.array([.double(.nan), .double(.infinity)]).description == "[null,null]")
    }

    @Test("accessors give nil for another kind")
    func accessors() {
        let value: JSONValue = ["s": "x", "i": 3, "d": 2.5, "whole": 2.0, "b": true, "a": [1], "n": .null]
        #expect(value["s"]?.stringValue == "x")
        #expect(value["i"]?.intValue == 3)
        #expect(value["i"]?.doubleValue == 3)
        #expect(value["d"]?.intValue == nil)
        #expect(value["whole"]?.intValue == 2)
        #expect(value["b"]?.boolValue == true)
        #expect(value["a"]?[0] == 1)
        #expect(value["a"]?[1] == nil)
        #expect(value["n"]?.isNull == true)
        #expect(value["none"] == nil)
        #expect(value["s"]?["x"] == nil)
        #expect(value["i"]?.stringValue == nil)
        #expect(JSONValue.double(1e300).intValue == nil)
    }

    @Test("assigning a member makes an object and removes by nil")
    func subscriptSet() {
        var value = JSONValue.null
        value["a"] = 1
        value["b"] = 2
        value["a"] = nil
        #expect(value == ["b": 2])
    }

    /// The examples of RFC 7396, appendix A.
    @Test(
        "merge patches do as the RFC's examples say",
        arguments: [
            (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
            (#"{"a":"b"}"#, #"{"a":null}"#, "{}"), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
            (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
            (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
            (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
            (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"),
            (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
            (#"{"e":null}"#, #"{"a":1}"#, #"{"a":1,"e":null}"#), ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
            ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
        ])
    func mergePatch(target: String, patch: String, result: String) throws {
        let patched = try JSONValue(parsing: target).mergePatched(by: JSONValue(parsing: patch))
        #expect(patched == (try JSONValue(parsing: result)))
    }

    @Test("the patch from one value to another leads there")
    func patchBetween() {
        let old: JSONValue = ["a": 1, "b": ["c": 2, "d": 3], "gone": true]
        let new: JSONValue = ["a": 1, "b": ["c": 4, "d": 3], "new": [1]]
        #expect(old.mergePatch(to: new) == ["b": ["c": 4], "gone": .null, "new": [1]])
        #expect(old.mergePatched(by: old.mergePatch(to: new)) == new)
        #expect(old.mergePatch(to: old) == [:])
    }

    @Test("pointers find values as the RFC's examples say")
    func pointers() throws {
        let value = try JSONValue(parsing: #"{"foo":["bar","baz"],"":0,"a/b":1,"m~n":8," ":7}"#)
        let cases: [(String, JSONValue?)] = [
            ("", value), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/m~0n", 8), ("/ ", 7),
            ("/foo/2", nil), ("/foo/00", nil), ("/foo/-", nil), ("/foo/x", nil), ("/none", nil), ("foo", nil),
            ("/m~2n", nil), ("/foo/0/x", nil),
        ]
        for (pointer, expected) in cases { #expect(value.value(at: pointer) == expected, "\(pointer)") }
        #expect(JSONPointer.appending("a/b~", to: "/x") == "/x/a~1b~0")
    }
}
