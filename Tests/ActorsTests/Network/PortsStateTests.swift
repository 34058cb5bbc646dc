import Actors
import Testing

@Suite("Ports that are to go")
struct PortsStateTests {
    @Test("a port whose removal failed is left over until it is removed")
    func failedRemoval() {
        let ports = Ports()
        ports.leave(["v1", "v2"])
        #expect(ports.waiting == ["v1", "v2"])
        #expect(ports.begins("v1"))
        #expect(ports.waiting == ["v2"])
        ports.end("v1", isGone: false)
        #expect(ports.waiting == ["v1", "v2"])
        #expect(ports.begins("v1"))
        ports.end("v1", isGone: true)
        #expect(!ports.isLeft("v1") && ports.isLeft("v2"))
        #expect(!ports.begins("v1"), "it is gone")
    }

    @Test("one at a time removes a port, also one that is let go twice")
    func oneAtATime() {
        let ports = Ports()
        ports.leave(["v1"])
        #expect(ports.begins("v1"))
        ports.leave(["v1"])
        #expect(!ports.begins("v1"))
        #expect(ports.isLeft("v1") && ports.waiting.isEmpty)
        ports.end("v1", isGone: true)
        #expect(!ports.isLeft("v1"))
    }

    @Test("a VM that starts again takes its ports back, and waits for a removal that is under way")
    func claimed() {
        let ports = Ports()
        ports.leave(["v1", "v2"])
        #expect(ports.claims(["v1"]))
        #expect(ports.waiting == ["v2"], "what another VM left stays")
        #expect(ports.begins("v2"))
        #expect(!ports.claims(["v1", "v2"]))
        ports.end("v2", isGone: false)
        #expect(ports.claims(["v1", "v2"]))
        #expect(ports.waiting.isEmpty)
    }
}

/// Calls that change what they are made on, where `#expect` takes a copy.
private final class Ports {
    private var state = PortsState()

    var waiting: [String] { state.waiting }

    func leave(_ ifnames: [String]) { state.leave(ifnames) }
    func claims(_ ifnames: [String]) -> Bool { state.claim(ifnames) }
    func begins(_ ifname: String) -> Bool { state.begin(ifname) }
    func end(_ ifname: String, isGone: Bool) { state.end(ifname, isGone: isGone) }
    func isLeft(_ ifname: String) -> Bool { state.isLeft(ifname) }
}
