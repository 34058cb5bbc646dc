import Foundation
import Glibc
import Model
import Network
import Runtime
import TestSupport
import Testing

@Suite("what guests get", .serialized)
struct ServiceTests {
    @Test("a guest configures itself, resolves metadata and is known by its mark", arguments: Caller.allCases)
    func wholePath(_ caller: Caller) async throws {
        guard let fixture = try HelperFixture.prepare(caller) else { return }
        try await bounded(within: .seconds(90)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1, listeners: 2)
            let echo = MetadataEcho(try await client.ensureNetwork(plan).listenerFDs)
            let ipv4 = IPv4Address(0x0a00_0005)
            let guest = try await Guest.join(plan, number: 0x2a, client, fixture, addresses4: [ipv4])
            #expect(try await guest.waitForAddress() == plan.prefix.eui64(guest.mac).description)
            let facts = Set(try await guest.script("ra").split(separator: " ").map(String.init))
            #expect(
                facts == [
                    "router=fe80::1", "mtu=1500", "prefix=fd00:1::/64", "dnssl=uncloud.internal", "rdnss=fd00:1::1",
                ])
            for name in ["metadata", "metadata.uncloud.internal"] {
                for server in ["fd00:1::1", "fe80::1%eth0"] {
                    #expect(try await guest.script("dns", name, "28", server) == "rcode=0 answers=1 fd00:ec2::254")
                }
                #expect(try await guest.script("dns", name, "1", "fd00:1::1") == "rcode=0 answers=0")
            }
            #expect(try await guest.script("dns", "other.uncloud.internal", "28", "fd00:1::1") == "rcode=3 answers=0")
            try await guest.run("ip", "addr", "add", "\(ipv4)/24", "dev", "eth0")
            try await guest.run("ip", "route", "add", "169.254.169.254/32", "dev", "eth0")
            for host in ["fd00:ec2::254", "fe80::a9fe:a9fe%eth0", "169.254.169.254"] {
                #expect(try await guest.script("get", host) == "8000002a", "by \(host)")
            }
            echo.close()
            try await guest.leave()
            try await fixture.finish(client)
        }
    }

    @Test("networks with the same prefix, and guests with the same MAC, each get their own", arguments: Caller.allCases)
    func overlapping(_ caller: Caller) async throws {
        guard let fixture = try HelperFixture.prepare(caller) else { return }
        try await bounded(within: .seconds(90)) {
            let client = try await fixture.connect()
            var echoes: [MetadataEcho] = []
            var guests: [Guest] = []
            let mac = MACAddress.fromHostIndex(9, suffix: 9)
            for number: UInt32 in [1, 2] {
                let plan = try Plans.network(number, kind: number == 1 ? .shared : .private)
                echoes.append(MetadataEcho(try await client.ensureNetwork(plan).listenerFDs))
                guests.append(try await Guest.join(plan, number: 0x10 + number, client, fixture, mac: mac))
            }
            for guest in guests {
                let own = String(guest.port.mark, radix: 16)
                #expect(try await guest.waitForAddress() == "fd00:1::" + mac.linkLocal.description.dropFirst(6))
                for host in ["fd00:ec2::254", "fe80::a9fe:a9fe%eth0"] {
                    #expect(try await guest.script("get", host) == own)
                }
                #expect(
                    try await guest.script("dns", "metadata", "28", "fd00:1::1") == "rcode=0 answers=1 fd00:ec2::254")
            }
            for echo in echoes { echo.close() }
            for guest in guests { try await guest.leave() }
            try await fixture.finish(client)
        }
    }

    @Test("on a private network a guest of any address gets its name service and its own metadata")
    func privateAddresses() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(3, "fd00:3::/64", kind: .private)
            let echo = MetadataEcho(try await client.ensureNetwork(plan).listenerFDs)
            let guest = try await Guest.join(plan, number: 3, client, fixture)
            try await guest.waitForAddress()
            let other = "fd00:3::1234:5678:9abc:def0"
            try await guest.run("ip", "-6", "addr", "flush", "dev", "eth0", "scope", "global")
            try await guest.run("ip", "-6", "addr", "add", "\(other)/64", "dev", "eth0", "nodad")
            #expect(try await guest.script("dns", "metadata", "28", "fd00:3::1") == "rcode=0 answers=1 fd00:ec2::254")
            #expect(try await guest.script("get", "fd00:ec2::254") == "80000003")
            #expect(try await client.inventory().neighbours == 0)
            echo.close()
            try await guest.leave()
            try await fixture.finish(client)
        }
    }

    @Test("a guest reaches nothing but metadata and the name server")
    func nothingElse() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1)
            let echo = MetadataEcho(try await client.ensureNetwork(plan).listenerFDs)
            let guest = try await Guest.join(plan, number: 1, client, fixture)
            try await guest.waitForAddress()
            #expect(try await guest.script("get", "fd00:ec2::254") == "80000001")
            // An address of the namespace itself, and the service's port 80.
            for (target, port) in [("fd00:ec2::254", 22), ("fd00:1::1", 80)] {
                let attempt =
                    "import socket; s = socket.socket(socket.AF_INET6); s.settimeout(2)\n"
                    + "try: s.connect(('\(target)', \(port))); print('open')\n"
                    + "except ConnectionRefusedError: print('refused')\nexcept Exception as e: print('silent')"
                let found = try await guest.run("/usr/bin/python3", "-c", attempt)
                #expect(found == "refused", "\(target) \(port)")
            }
            echo.close()
            try await guest.leave()
            try await fixture.finish(client)
        }
    }

    @Test("a guest that probes its router keeps it")
    func routerFlag() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            for kind in [NetworkKind.shared, .private] {
                let plan = try Plans.network(kind == .shared ? 1 : 2, kind: kind)
                for fd in try await client.ensureNetwork(plan).listenerFDs { close(fd) }
                let guest = try await Guest.join(plan, number: plan.number, client, fixture)
                try await guest.waitForAddress()
                try await guest.run("ip", "-6", "neigh", "flush", "dev", "eth0")
                // The name service's answer comes after the solicited advertisement.
                _ = try await guest.script("dns", "metadata", "28", "fe80::1%eth0")
                let neighbours = try await guest.run("ip", "-6", "neigh", "show", "fe80::1", "dev", "eth0")
                #expect(neighbours.contains(" router "), "\(kind): \(neighbours)")
                #expect(try await guest.run("ip", "-6", "route").contains("default via fe80::1"))
                try await guest.leave()
            }
            try await fixture.finish(client)
        }
    }

    @Test("dnsmasq that is killed is started again, and it is told")
    func restartedService() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1)
            let state = try await client.ensureNetwork(plan)
            for fd in state.listenerFDs { close(fd) }
            let first = try #require(state.dnsmasqPID)
            let guest = try await Guest.join(plan, number: 1, client, fixture)
            try await guest.waitForAddress()
            kill(first, SIGKILL)
            let event = try await client.events.receive()
            #expect(event == .serviceExited(network: 1, reason: "killed by signal 9"))
            #expect(try await guest.script("dns", "metadata", "28", "fd00:1::1") == "rcode=0 answers=1 fd00:ec2::254")
            let second = try #require(try await client.inventory().services["1"])
            #expect(second != first)
            try await guest.leave()
            try await fixture.finish(client)
        }
    }

    @Test("dnsmasq has no more rights than it needs")
    func leastRights() async throws {
        guard let fixture = try HelperFixture.prepare(.root) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1)
            let state = try await client.ensureNetwork(plan)
            for fd in state.listenerFDs { close(fd) }
            let pid = try #require(state.dnsmasqPID)
            // It has become what it will be once it answers.
            let guest = try await Guest.join(plan, number: 1, client, fixture)
            try await guest.waitForAddress()
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            #expect(status.contains("Uid:\t65534\t65534\t65534\t65534"))
            #expect(status.contains("CapEff:\t0000000000003400"))
            #expect(status.contains("NoNewPrivs:\t1"))
            try await guest.leave()
            try await fixture.finish(client)
        }
    }
}
