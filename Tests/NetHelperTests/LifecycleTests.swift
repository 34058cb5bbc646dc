import CLinux
import Foundation
import Glibc
import Model
import Network
import Runtime
import TestSupport
import Testing

@Suite("the net-helper's life", .serialized)
struct LifecycleTests {
    @Test("networks and taps come and go and leave nothing", arguments: Caller.allCases)
    func upAndDown(_ caller: Caller) async throws {
        guard let fixture = try HelperFixture.prepare(caller) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            let info = try await client.hello()
            #expect(info.version == helperProtocolVersion)
            #expect(info.reachesHost == (caller == .root))
            let shared = try Plans.network(1, listeners: 2)
            let other = try Plans.network(0xabc, kind: .private)
            let state = try await client.ensureNetwork(shared)
            #expect(state.listenerFDs.count == 2)
            #expect(state.serviceVeth == "s1")
            #expect(state.bridgeMAC == shared.bridgeMAC)
            #expect((state.dnsmasqPID ?? 0) > 0)
            let again = try await client.ensureNetwork(shared)
            #expect(again.dnsmasqPID == state.dnsmasqPID)
            #expect(again.listenerFDs.count == 2)
            let second = try await client.ensureNetwork(other)
            let tap = try await client.createTap(Plans.tap(1, shared))
            #expect(try await client.check() == [])
            let links = try await client.inventory().links
            #expect(Set(links.map(\.name)) == ["lo", "b1", "s1", "babc", "sabc", Plans.tap(1, shared).ifname])
            #expect(links.first { $0.name == Plans.tap(1, shared).ifname }?.master == "b1")
            try await client.removePort(ifname: Plans.tap(1, shared).ifname)
            try await client.removeNetwork(number: 1)
            #expect(Set(try await client.inventory().links.map(\.name)) == ["lo", "babc", "sabc"])
            for fd in state.listenerFDs + again.listenerFDs + second.listenerFDs + [tap] { close(fd) }
            try await fixture.finish(client)
        }
    }

    @Test("an ending with everything still up takes it all away", arguments: Caller.allCases)
    func shutdown(_ caller: Caller) async throws {
        guard let fixture = try HelperFixture.prepare(caller) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1)
            for fd in try await client.ensureNetwork(plan).listenerFDs { close(fd) }
            let taps = [
                try await client.createTap(Plans.tap(1, plan)), try await client.createTap(Plans.tap(2, plan)),
            ]
            try await fixture.finish(client)
            for tap in taps { close(tap) }
        }
    }

    @Test("two starts at once give one holder, one helper and two connections")
    func racingStarts() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(60)) {
            async let first = fixture.connect()
            async let second = fixture.connect()
            let (one, other) = try await (first, second)
            let generation = try await other.hello().generation
            #expect(try await one.hello().generation == generation)
            await other.close()
            try await fixture.finish(one)
        }
    }

    @Test("what can't be done is refused with a code, and nothing is half made")
    func refusals() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            func code(_ body: () async throws -> Void) async -> String {
                do {
                    try await body()
                    return "no error"
                } catch { return (error as? HelperFailure)?.code ?? "\(error)" }
            }
            let plan = try Plans.network(1)
            let tap = Plans.tap(1, plan)
            #expect(await code { _ = try await client.createTap(tap) } == "network.unknown")
            for fd in try await client.ensureNetwork(plan).listenerFDs { close(fd) }
            var twin = plan
            twin.number = 2
            #expect(await code { _ = try await client.ensureNetwork(twin) } == "network.conflict")
            var unsound = plan
            unsound.domain = "x\ny"
            #expect(await code { _ = try await client.ensureNetwork(unsound) } == "network.invalid")
            #expect(await code { try await client.attachInterface(tap, existing: "nothing0") } == "interface.not-found")
            #expect(await code { try await client.attachInterface(tap, existing: "b1") } == "interface.unfit")
            #expect(await code { try await client.attachInterface(tap, existing: "lo") } == "port.invalid")
            let fd = try await client.createTap(tap)
            #expect(await code { _ = try await client.createTap(tap) } == "port.busy")
            var double = Plans.tap(2, plan)
            double.mark = tap.mark
            #expect(await code { _ = try await client.createTap(double) } == "port.conflict")
            #expect(await code { try await client.removeNetwork(number: 1) } == "network.in-use")
            #expect(await code { try await client.removePort(ifname: "nothing0") } == "no error")
            #expect(await code { try await client.removeNetwork(number: 99) } == "no error")
            try await fixture.run("ip", "link", "add", "b5", "type", "veth", "peer", "name", "stranger")
            #expect(await code { _ = try await client.ensureNetwork(try Plans.network(5)) } == "network.conflict")
            #expect(
                try await client.check() == ["b5", "stranger"].map { "the interface \($0) belongs to nothing known" })
            close(fd)
            try await fixture.finish(client)
        }
    }

    @Test("a holder's name that is somebody else's is left alone")
    func foreignNamespace() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(60)) {
            let ip = ProcessSpec(executable: "ip", arguments: ["netns", "add", fixture.namespace])
            try #require(try await runProcess(ip, on: fixture.loop).status.isSuccess)
            do {
                _ = try await fixture.connect()
                Issue.record("the holder took a foreign namespace")
            } catch {
                #expect((error as? HelperFailure)?.code == "holder.namespace")
                #expect("\(error)".contains("somebody else's"))
                #expect("\(error)".contains("--namespace"))
            }
            let delete = ProcessSpec(executable: "ip", arguments: ["netns", "delete", fixture.namespace])
            #expect(try await runProcess(delete, on: fixture.loop).status.isSuccess)
        }
    }
}
