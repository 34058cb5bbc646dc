import JSON
import QemuMonitor
import Testing

@Suite("Messages of a monitor")
struct MonitorMessageTests {
    private func decode(_ text: String) throws -> MonitorMessage { try MonitorMessage(decoding: Array(text.utf8)) }

    @Test("the greeting tells version and capabilities")
    func greeting() throws {
        guard case .greeting(let greeting) = try decode(FakeQEMU.greeting) else {
            Issue.record("no greeting")
            return
        }
        #expect(greeting.version == QemuVersion(major: 7, minor: 2, micro: 22))
        #expect(greeting.version < QemuVersion(major: 8, minor: 0))
        #expect(greeting.capabilities == ["oob"])
    }

    @Test("a result carries its id, whatever type the id has")
    func result() throws {
        #expect(try decode(#"{"return": {"a": 1}, "id": 7}"#) == .result(id: 7, ["a": 1]))
        #expect(try decode(#"{"return": [], "id": {"x": null}}"#) == .result(id: ["x": .null], []))
        #expect(try decode(#"{"return": {}}"#) == .result(id: nil, [:]))
    }

    @Test("an error without an id is what QEMU says when it could not parse")
    func parseError() throws {
        let line = #"{"error": {"class": "GenericError", "desc": "JSON parse error, expecting value"}}"#
        #expect(
            try decode(line)
                == .failure(id: nil, errorClass: "GenericError", description: "JSON parse error, expecting value"))
    }

    @Test("an event carries data and time; a clock that failed gives none")
    func event() throws {
        let stop = #"{"timestamp": {"seconds": 2, "microseconds": 5}, "event": "STOP"}"#
        #expect(try decode(stop) == .event(name: "STOP", data: .null, timestamp: .seconds(2) + .microseconds(5)))
        let odd = #"{"timestamp": {"seconds": -1, "microseconds": -1}, "event": "STOP"}"#
        #expect(try decode(odd) == .event(name: "STOP", data: .null, timestamp: .zero))
        let huge = #"{"timestamp": {"seconds": 9223372036854775807, "microseconds": 0}, "event": "STOP"}"#
        #expect(try decode(huge) == .event(name: "STOP", data: .null, timestamp: .zero))
    }

    @Test("an object of an unknown kind is no error; anything but an object is")
    func others() throws {
        #expect(try decode(#"{"new": 1}"#) == .unknown(["new": 1]))
        for bad in ["[]", "1", "{", "\"x\"", "{\"a\":1}}", "\u{0}", "{\"a\":}"] {
            let error = #expect(throws: MonitorError.self) { try decode(bad) }
            #expect(error?.code == .malformed, "\(bad)")
        }
    }

    @Test("events get their types; those that lack members stay events")
    func typed() throws {
        let shutdown: JSONValue = ["guest": true, "reason": "guest-shutdown"]
        #expect(MonitorEvent(name: "SHUTDOWN", data: shutdown) == .shutdown(guest: true, reason: "guest-shutdown"))
        #expect(MonitorEvent(name: "SHUTDOWN", data: .null) == .shutdown(guest: false, reason: ""))
        #expect(
            MonitorEvent(name: "DEVICE_DELETED", data: ["path": "/machine/x"])
                == .deviceDeleted(device: nil, path: "/machine/x"))
        #expect(
            MonitorEvent(
                name: "BLOCK_IO_ERROR",
                data: ["device": "", "node-name": "disk0", "operation": "write", "action": "stop", "nospace": true])
                == .blockIOError(device: "", node: "disk0", operation: "write", action: "stop", noSpace: true))
        #expect(MonitorEvent(name: "NEW", data: [1]) == .other(name: "NEW", data: [1]))
    }
}
