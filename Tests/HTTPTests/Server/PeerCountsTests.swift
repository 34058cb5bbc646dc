import HTTP
import Testing

@Suite("connections counted by peer")
struct PeerCountsTests {
    @Test(
        "are what a dictionary counts, whatever comes and goes, and whoever is gone leaves nothing",
        arguments: [1, 16, 1 << 32, 0x9E37_79B9_7F4A_7C15] as [UInt64])
    func model(stride: UInt64) {
        var counts = PeerCounts()
        var model: [UInt64: Int] = [:]
        var random = SystemRandomNumberGenerator()
        for round in 0..<20_000 {
            // Few peers at first, so that they come often, then many, so that the table grows.
            let peer = UInt64.random(in: 0..<(round < 5000 ? 40 : 2000), using: &random) &* stride
            if Bool.random(using: &random) {
                counts.add(peer)
                model[peer, default: 0] += 1
            } else {
                counts.remove(peer)
                if let count = model[peer] { model[peer] = count > 1 ? count - 1 : nil }
            }
            #expect(counts[peer] == model[peer] ?? 0)
            #expect(counts.peers == model.count)
        }
        for (peer, count) in model {
            #expect(counts[peer] == count)
            for _ in 0..<count { counts.remove(peer) }
            #expect(counts[peer] == 0)
        }
        #expect(counts.peers == 0)
    }
}
