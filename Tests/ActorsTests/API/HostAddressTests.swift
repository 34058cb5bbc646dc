import Actors
import Testing

@Suite("The host's addresses")
struct HostAddressTests {
    @Test("an interface that the host uses has an address, one that is not there has none")
    func addresses() {
        #expect(["127.0.0.1", "::1"].contains(hostAddress(of: "lo") ?? ""))
        #expect(hostAddress(of: "nowhere0") == nil)
    }
}
