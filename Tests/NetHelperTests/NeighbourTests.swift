import Foundation
import Glibc
import Model
import Network
import Runtime
import TestSupport
import Testing

/// The neighbour table is one for the whole machine, 1,024 entries over all namespaces: a guest must not fill it.
@Suite("the neighbour table", .serialized)
struct NeighbourTests {
    @Test("3,000 senders with an address each are all answered, and make no entry")
    func crowd() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(90)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1)
            for fd in try await client.ensureNetwork(plan).listenerFDs { close(fd) }
            let first = IPv6Address(high: plan.prefix.address.high, low: 0x1_0000)
            let many = (0..<3000).map { IPv6Address(high: first.high, low: first.low + UInt64($0)) }
            let guest = try await Guest.join(plan, number: 1, client, fixture, more: many)
            try await guest.waitForAddress()
            let answered = try await guest.script(
                "crowd", first.description, "3000", "fd00:ec2::254", guest.mac.description, plan.bridgeMAC.description)
            #expect(answered == "3000")
            #expect(try await client.inventory().neighbours == 0)
            try await guest.leave()
            try await fixture.finish(client)
        }
    }

    @Test(
        "100,000 forged senders make no entry, and others get their answers", arguments: [NetworkKind.shared, .private])
    func forger(_ kind: NetworkKind) async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(90)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1, kind: kind)
            let echo = MetadataEcho(try await client.ensureNetwork(plan).listenerFDs)
            let forger = try await Guest.join(plan, number: 1, client, fixture)
            let victim = try await Guest.join(plan, number: 2, client, fixture)
            try await forger.waitForAddress()
            try await victim.waitForAddress()
            let targets = ["fd00:ec2::254", "fe80::a9fe:a9fe", "fd00:1::1", "fe80::1"]
            let floods = targets.map { target in
                spawn(on: fixture.loop, "forger") {
                    try await forger.script("forge", "25000", target, forger.mac.description)
                }
            }
            #expect(try await victim.script("get", "fd00:ec2::254") == "80000002")
            for flood in floods { #expect(try await flood.value == "sent") }
            #expect(try await client.inventory().neighbours == 0)
            #expect(try await victim.script("get", "fe80::a9fe:a9fe%eth0") == "80000002")
            #expect(try await victim.script("dns", "metadata", "28", "fd00:1::1") == "rcode=0 answers=1 fd00:ec2::254")
            if kind == .shared {
                let drops = try await client.counters()[forger.port.ifname]?["nd"]?.first ?? 0
                #expect(drops >= 100_000)
            }
            echo.close()
            try await forger.leave()
            try await victim.leave()
            try await fixture.finish(client)
        }
    }
}
