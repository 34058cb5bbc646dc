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
    private static let guests = 10
    private static let each = 300

    /// A guest with many addresses.
    private struct Sender {
        let guest: Guest
        private let first: IPv6Address

        init(_ number: Int, _ plan: NetworkPlan, _ client: HelperClient, _ fixture: HelperFixture) async throws {
            let base = IPv6Address(high: plan.prefix.address.high, low: UInt64(number) << 16)
            let many = (0..<UInt64(NeighbourTests.each)).map { IPv6Address(high: base.high, low: base.low + $0) }
            guest = try await Guest.join(plan, number: UInt32(number), client, fixture, more: many)
            first = base
        }

        /// From each address the metadata address' neighbour and an echo of it; gives how many got both.
        func ask(_ plan: NetworkPlan) async throws -> String {
            try await guest.waitForAddress()
            return try await guest.script(
                "crowd", first.description, "\(NeighbourTests.each)", "fd00:ec2::254", guest.mac.description,
                plan.bridgeMAC.description)
        }
    }

    @Test("3,000 senders with an address each are answered and make no entry; the host finds its other neighbours")
    func crowd() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(90)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1)
            for fd in try await client.ensureNetwork(plan).listenerFDs { close(fd) }
            let bystanders = try await Bystanders(on: fixture.loop)
            var crowd: [Sender] = []
            for number in 1...Self.guests { crowd.append(try await Sender(number, plan, client, fixture)) }
            let answered = Locked(0)
            let asking = crowd.map { sender in
                spawn(on: fixture.loop, "sender") {
                    defer { answered.withLock { $0 += 1 } }
                    return try await sender.ask(plan)
                }
            }
            repeat {
                #expect(try await bystanders.answers() == Bystanders.addresses)
            } while answered.withLock { $0 } < Self.guests
            for task in asking { #expect(try await task.value == "\(Self.each)") }
            #expect(try await client.inventory().neighbours == 0)
            for sender in crowd { try await sender.guest.leave() }
            try await fixture.finish(client)
        }
    }

    @Test(
        "100,000 forged senders make no entry; others get their answers, and the host finds its other neighbours",
        arguments: [NetworkKind.shared, .private])
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
            let bystanders = try await Bystanders(on: fixture.loop)
            #expect(try await bystanders.answers() == Bystanders.addresses)
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
