import CLinux
import Foundation
import Glibc
import Model
import Network
import Runtime
import TestSupport
import Testing

@Suite("what survives", .serialized)
struct RestartTests {
    @Test("a connection made while there is no daemon waits and is answered", arguments: Caller.allCases)
    func backlog(_ caller: Caller) async throws {
        guard let fixture = try HelperFixture.prepare(caller) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1, listeners: 2)
            for fd in try await client.ensureNetwork(plan).listenerFDs { close(fd) }
            let guest = try await Guest.join(plan, number: 5, client, fixture)
            try await guest.waitForAddress()
            await client.close()
            // Nobody accepts now: the requests wait in the helper's sockets.
            let requests = (0..<8).map { _ in
                spawn(on: fixture.loop, "waiting guest") { try await guest.script("get", "fd00:ec2::254") }
            }
            try await guest.run("/usr/bin/python3", "-c", connectOnly)
            let next = try await fixture.connect()
            // The next daemon wants fewer: none that is there may be lost.
            var fewer = plan
            fewer.listeners = 1
            let listeners = try await next.ensureNetwork(fewer).listenerFDs
            #expect(listeners.count == 2)
            let echo = MetadataEcho(listeners)
            for request in requests { #expect(try await request.value == "80000005") }
            echo.close()
            try await guest.leave()
            try await fixture.finish(next)
        }
    }

    /// A handshake that completes though nobody accepts.
    private let connectOnly = "import socket; socket.create_connection(('fd00:ec2::254', 80), 10)"

    @Test("when holder and helper were killed, taking everything down still takes everything down")
    func bothKilled() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            for fd in try await client.ensureNetwork(try Plans.network(1)).listenerFDs { close(fd) }
            let inode = try await client.hello().namespaceInode
            let before = HelperFixture.processes(in: inode)
            for pid in [fixture.supervisor.helperPID, fixture.supervisor.holderPID] {
                let watch = try ProcessWatch(pid: try #require(pid), on: fixture.loop)
                try watch.signal(SIGKILL)
                try await watch.waitForExit()
            }
            try await fixture.supervisor.stop(removeAll: true)
            #expect(access("/run/netns/\(fixture.namespace)", F_OK) != 0, "the pin is left")
            #expect(access(fixture.directory.file("networks"), F_OK) != 0, "the journal is left")
            #expect(fixture.supervisor.helperPID == nil && fixture.supervisor.holderPID == nil)
            #expect(HelperFixture.processes(in: inode).isDisjoint(with: before))
        }
    }

    @Test("a helper that is killed disturbs nothing, and the next one goes on", arguments: Caller.allCases)
    func killedHelper(_ caller: Caller) async throws {
        guard let fixture = try HelperFixture.prepare(caller) else { return }
        try await bounded(within: .seconds(90)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1, listeners: 2)
            let first = try await client.ensureNetwork(plan)
            let kept = try first.listenerFDs.map { try FileDescriptor.copy(of: $0) }
            let echo = MetadataEcho(first.listenerFDs)
            let tap = try await client.createTap(Plans.tap(1, plan))
            let guest = try await Guest.join(plan, number: 6, client, fixture)
            try await guest.waitForAddress()
            let mac = Plans.tap(1, plan).mac
            _ = try await guest.script("forge", "50", "fd00:ec2::254", guest.mac.description)
            let counters = try await client.counters()
            #expect(counters[guest.port.ifname]?["nd"]?.first == 50)
            let generation = try await client.hello().generation

            let watch = try ProcessWatch(pid: try #require(fixture.supervisor.helperPID), on: fixture.loop)
            try watch.signal(SIGKILL)
            try await watch.waitForExit()
            while let event = try await client.events.receive(), event != .closed {}
            // Metadata goes on meanwhile.
            #expect(try await guest.script("get", "fd00:ec2::254") == "80000006")

            let next = try await fixture.connect()
            #expect(try await next.hello().generation != generation)
            try await next.adoptListeners(number: 1, fds: kept.map(\.number))
            // An optimised build ends an array's life with its last use, and the descriptors with it.
            withExtendedLifetime(kept) {}
            let state = try await next.ensureNetwork(plan)
            #expect(state.listenerFDs.count == 2)
            for fd in state.listenerFDs { close(fd) }
            try await next.syncRules(networks: [plan], ports: [Plans.tap(1, plan), guest.port])
            #expect(try await next.check() == [])
            #expect(try await next.counters() == counters, "the rules were loaded anew")
            #expect(state.dnsmasqPID != first.dnsmasqPID)
            #expect(try await guest.script("dns", "metadata", "28", "fd00:1::1") == "rcode=0 answers=1 fd00:ec2::254")
            #expect(try await guest.script("get", "fd00:ec2::254") == "80000006")
            let entries = try await fixture.run("bridge", "fdb", "show", "br", "b1")
            #expect(entries.contains("\(mac) dev \(Plans.tap(1, plan).ifname) master b1 static"))
            echo.close()
            close(tap)
            try await guest.leave()
            try await fixture.finish(next)
        }
    }

    @Test("a helper that is replaced passes its listening sockets on, with who waits in them")
    func replacedHelper() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(90)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1, listeners: 2)
            let first = try await client.ensureNetwork(plan)
            let before = Set(first.listenerFDs.map(Self.inode))
            // No daemon: the helper alone holds them.
            for fd in first.listenerFDs { close(fd) }
            let guest = try await Guest.join(plan, number: 6, client, fixture)
            try await guest.waitForAddress()
            let waiting = spawn(on: fixture.loop, "guest") { try await guest.script("get", "fd00:ec2::254") }
            while try await !fixture.run("ss", "-Htn", "sport", "=", ":80").contains("ESTAB") {}
            let old = try await client.hello()

            let next = try await fixture.supervisor.replace(client)
            let new = try await next.hello()
            #expect(new.generation != old.generation)
            #expect(new.namespaceInode == old.namespaceInode)
            let state = try await next.ensureNetwork(plan)
            #expect(Set(state.listenerFDs.map(Self.inode)) == before)
            let echo = MetadataEcho(state.listenerFDs)
            #expect(try await waiting.value == "80000006")
            #expect(try await next.check() == [])
            echo.close()
            try await guest.leave()
            try await fixture.finish(next)
        }
    }

    private static func inode(_ fd: Int32) -> UInt64 {
        var status = stat()
        return fstat(fd, &status) == 0 ? UInt64(status.st_ino) : 0
    }

    @Test("rules changed while there was no helper are mended by the next one")
    func flushedMeanwhile() async throws {
        guard let fixture = try HelperFixture.prepare(.root), try Requirement.need("nft") else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1)
            for fd in try await client.ensureNetwork(plan).listenerFDs { close(fd) }
            let tap = try await client.createTap(Plans.tap(1, plan))
            let rules = try await client.listRules()
            let watch = try ProcessWatch(pid: try #require(fixture.supervisor.helperPID), on: fixture.loop)
            try watch.signal(SIGKILL)
            try await watch.waitForExit()
            try await fixture.run("nft", "flush", "ruleset")
            let next = try await fixture.connect()
            #expect(try await next.listRules() == rules)
            close(tap)
            try await fixture.finish(next)
        }
    }

    @Test("a holder that is killed is started again in the same namespace", arguments: Caller.allCases)
    func killedHolder(_ caller: Caller) async throws {
        guard let fixture = try HelperFixture.prepare(caller) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1)
            for fd in try await client.ensureNetwork(plan).listenerFDs { close(fd) }
            let inode = try await client.hello().namespaceInode
            let first = try #require(fixture.supervisor.holderPID)
            let watch = try ProcessWatch(pid: first, on: fixture.loop)
            try watch.signal(SIGKILL)
            try await watch.waitForExit()
            #expect(try await client.check() == [])
            await client.close()
            let next = try await fixture.connect()
            let second = try #require(fixture.supervisor.holderPID)
            #expect(second != first)
            #expect(HelperFixture.processes(in: inode).contains(String(second)))
            try await fixture.finish(next)
        }
    }

    @Test("a tap whose holder ends is told, its rules stay until it is removed, and it can be made again")
    func tapGone() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1)
            for fd in try await client.ensureNetwork(plan).listenerFDs { close(fd) }
            let port = Plans.tap(1, plan)
            close(try await client.createTap(port))
            #expect(try await client.events.receive() == .portGone(ifname: port.ifname))
            #expect(try await client.check() == ["port \(port.ifname): its interface is gone"])
            #expect(try await client.listRules().contains(port.ifname))
            let tap = try await client.createTap(port)
            #expect(try await client.check() == [])
            try await client.removePort(ifname: port.ifname)
            #expect(!(try await client.listRules()).contains(port.ifname))
            close(tap)
            try await fixture.finish(client)
        }
    }

    @Test("a replay closes what isn't listed, makes what is missing and deletes nothing")
    func replay() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1)
            for fd in try await client.ensureNetwork(plan).listenerFDs { close(fd) }
            let (one, two) = (Plans.tap(1, plan), Plans.tap(2, plan))
            let taps = [try await client.createTap(one), try await client.createTap(two)]
            let other = try Plans.network(2, "fd00:2::/64")
            try await client.syncRules(networks: [plan, other], ports: [two])
            let rules = try await client.listRules()
            #expect(!rules.contains(one.ifname))
            #expect(rules.contains(two.ifname))
            let names = Set(try await client.inventory().links.map(\.name))
            #expect(names == ["lo", "b1", "s1", "b2", "s2", one.ifname, two.ifname])
            #expect(try await client.check() == ["the interface \(one.ifname) belongs to nothing known"])
            try await client.removePort(ifname: one.ifname)
            #expect(try await client.check() == [])
            for tap in taps { close(tap) }
            try await fixture.finish(client)
        }
    }
}
