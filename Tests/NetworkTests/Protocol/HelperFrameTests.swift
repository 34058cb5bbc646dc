import JSON
import Model
import Network
import Testing

@Suite("helper frames")
struct HelperFrameTests {
    @Test("frames are found however the bytes are cut")
    func cuts() throws {
        let frames: [JSONValue] = [["id": 1, "op": "hello"], ["event": "closed"], [:]]
        let bytes = frames.flatMap { HelperFrameReader.encode($0) }
        for size in 1...bytes.count {
            var reader = HelperFrameReader()
            var found: [JSONValue] = []
            var at = 0
            while at < bytes.count {
                reader.append(Array(bytes[at..<min(at + size, bytes.count)]))
                at += size
                while let frame = try reader.next() { found.append(frame) }
            }
            #expect(found == frames)
        }
    }

    @Test("a frame that is too long, or no JSON, ends the connection with a reason")
    func refused() {
        var reader = HelperFrameReader()
        reader.append([0xff, 0, 0, 0])
        #expect(throws: HelperFailure.self) { try reader.next() }
        reader = HelperFrameReader()
        reader.append([0, 0, 0, 2, 0x7b, 0x5b])
        #expect(throws: HelperFailure.self) { try reader.next() }
    }

    @Test("events survive the way over the socket; one of a newer version is skipped")
    func events() {
        let events: [HelperEvent] = [
            .rulesMended(reason: "nft (7)", milliseconds: 3.5), .rulesMended(reason: "", milliseconds: 3),
            .rulesBroken(reason: "x"), .portGone(ifname: "v42"), .serviceExited(network: 7, reason: "exited(1)"),
        ]
        for event in events { #expect(HelperEvent(event.json) == event) }
        #expect(HelperEvent(["event": "something-new"]) == nil)
    }

    @Test("plans survive the way over the socket")
    func plans() throws {
        let network = NetworkPlan(
            name: "default", number: 0x1f, prefix: try #require(IPv6Prefix("fd00:1::/64")), listeners: 2)
        #expect(network.bridge == "b1f")
        #expect(network.serviceVeth == "s1f")
        #expect(network.serviceAddress.description == "fd00:1::1")
        #expect(network.bridgeMAC.description == "02:fe:00:00:00:1f")
        #expect(try decode(NetworkPlan.self, from: try encodeToValue(network)) == network)
        let port = GuestPort(
            ifname: "v420001000001", bridge: "b1f", mac: try #require(MACAddress("42:00:01:00:00:01")),
            mark: 0x8000_0001,
            addresses6: [try #require(IPv6Address("fd00:1::2"))], addresses4: [try #require(IPv4Address("10.0.0.1"))])
        #expect(try decode(GuestPort.self, from: try encodeToValue(port)) == port)
    }
}
