import Firewall
import Foundation
import Testing

@Suite struct CountersTests {
    @Test("counters are read by port and reason, and other sets are passed over")
    func reading() throws {
        var counters = Counters()
        try counters.add(
            listing: """
                {"nftables": [{"metainfo": {"version": "1.0.6"}},
                {"set": {"family": "bridge", "name": "drop_dhcp-server", "table": "uncloud", "type": "ifname", "handle": 1,
                "elem": [{"elem": {"val": "v1", "counter": {"packets": 3, "bytes": 300}}},
                {"elem": {"val": "v2", "counter": {"packets": 0, "bytes": 0}}}]}},
                {"set": {"family": "bridge", "name": "egress", "table": "uncloud", "type": ["mark", "ifname"],
                "elem": [{"concat": [1, "v1"]}]}},
                {"set": {"family": "bridge", "name": "drop_later", "table": "uncloud", "elem": ["v1"]}},
                {"set": {"family": "inet", "name": "drop_ra", "table": "uncloud", "elem": [{"concat": [1]}]}}]}
                """)
        try counters.add(
            listing: """
                {"nftables": [{"set": {"family": "bridge", "name": "drop_ra", "table": "uncloud",
                "elem": [{"elem": {"val": "v1", "counter": {"packets": 18446744073709551615, "bytes": 1}}}]}}]}
                """)
        try counters.add(
            listing: #"{"nftables": [{"set": {"family": "bridge", "name": "drop_nd", "table": "uncloud"}}]}"#)
        let ra = DropCount(packets: .max, bytes: 1)
        #expect(counters.byName == ["v1": ["dhcp-server": DropCount(packets: 3, bytes: 300), "ra": ra]])
        #expect(counters["v1"][.ra] == ra)
        #expect(counters["v2"] == [:])
    }

    @Test(
        "what is no listing is refused",
        arguments: ["", "{}", "[]", #"{"nftables": 1}"#, #"{"nftables": [{"set": 1}]}"#])
    func refusing(text: String) {
        #expect(throws: ListingError.self) {
            var counters = Counters()
            try counters.add(listing: text)
        }
    }

    @Test("so is what is no listing of a structure", arguments: ["", "{}", "[]", #"{"nftables": 1}"#])
    func refusingStructures(text: String) {
        #expect(throws: ListingError.self) { _ = try Structure(listing: text) }
    }

    @Test("each reason is a word that stays, documented in docs/drop-reasons.md")
    func reasons() throws {
        let words = [
            "ra", "dhcp-server", "mac", "arp", "nd", "source", "icmp", "name", "ethertype", "header", "fragment",
            "host-port",
            "egress", "unknown-port", "uplink",
        ]
        #expect(DropReason.allCases.map(\.rawValue) == words)
        let url = Child.data.appendingPathComponent("../../docs/drop-reasons.md")
        let document = try String(contentsOf: url, encoding: .utf8)
        for word in words { #expect(document.contains("| `\(word)` |"), "\(word)") }
    }
}
