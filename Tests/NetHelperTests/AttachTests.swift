import Foundation
import Glibc
import Model
import Network
import Runtime
import TestSupport
import Testing

@Suite("interfaces of others", .serialized)
struct AttachTests {
    /// A helper in a namespace of its own that has taken `guest7`, which was up, from the namespace of a host.
    private static func attachedFromHost() async throws
        -> (host: TestNamespace, fixture: HelperFixture, client: HelperClient, port: GuestPort)?
    {
        let host = try await TestNamespace.make(inUserNamespace: false)
        let prefix = ["nsenter", "--net=/proc/\(host.pid)/ns/net", "--"]
        guard let fixture = try HelperFixture.prepare(.root, prefix: prefix) else { return nil }
        try await host.succeed("ip", "link", "add", "guest7", "type", "veth", "peer", "name", "inner")
        try await host.succeed("ip", "link", "set", "guest7", "up")
        let client = try await fixture.connect()
        let plan = try Plans.network(1)
        for fd in try await client.ensureNetwork(plan).listenerFDs { close(fd) }
        let port = Plans.tap(1, plan)
        try await client.attachInterface(port, existing: "guest7")
        return (host, fixture, client, port)
    }

    private static func killHelper(of fixture: HelperFixture) async throws {
        let watch = try ProcessWatch(pid: try #require(fixture.supervisor.helperPID), on: fixture.loop)
        try watch.signal(SIGKILL)
        try await watch.waitForExit()
    }

    @Test("an interface of the helper's namespace is given back as it was", arguments: Caller.allCases)
    func own(_ caller: Caller) async throws {
        guard let fixture = try HelperFixture.prepare(caller) else { return }
        try await bounded(within: .seconds(60)) {
            let client = try await fixture.connect()
            let plan = try Plans.network(1)
            for fd in try await client.ensureNetwork(plan).listenerFDs { close(fd) }
            try await fixture.run("ip", "link", "add", "outer", "type", "veth", "peer", "name", "inner")
            try await fixture.run("ip", "link", "set", "outer", "up")
            let port = Plans.tap(1, plan)
            try await client.attachInterface(port, existing: "outer")
            try await client.attachInterface(port, existing: "outer")
            let attached = try await client.inventory().links.first { $0.name == port.ifname }
            #expect(attached?.master == "b1")
            #expect(attached?.isUp == true)
            let silent = try await fixture.run("cat", "/proc/sys/net/ipv6/conf/\(port.ifname)/disable_ipv6")
            #expect(silent == "1")
            try await client.removePort(ifname: port.ifname)
            let links = try await client.inventory().links
            let back = links.first { $0.name == "outer" }
            #expect(back?.master == nil)
            #expect(back?.isUp == true)
            #expect(!links.contains { $0.name == port.ifname })
            #expect(try await fixture.run("cat", "/proc/sys/net/ipv6/conf/outer/disable_ipv6") == "0")
            try await fixture.run("ip", "link", "delete", "outer")
            try await fixture.finish(client)
        }
    }

    @Test("an interface of the host's namespace is taken and given back, also by a helper that came later")
    func hosts() async throws {
        guard try Requirement.need("root", "nsenter") else { return }
        try await bounded(within: .seconds(60)) {
            guard let (host, fixture, client, port) = try await Self.attachedFromHost() else { return }
            #expect(try await host.run("ip", "link", "show", "guest7").status != .exited(0))
            #expect(try await client.check() == [])
            try await Self.killHelper(of: fixture)
            let next = try await fixture.connect()
            try await next.removePort(ifname: port.ifname)
            let text = try await host.succeed("ip", "-brief", "link", "show", "guest7")
            #expect(text.contains("guest7@"))
            #expect(text.contains("LOWER_UP") || text.contains(",UP"))
            try await fixture.finish(next)
        }
    }

    @Test("an interface that a helper had moved back as it died is up again once its port is removed")
    func halfGivenBack() async throws {
        guard try Requirement.need("root", "nsenter") else { return }
        try await bounded(within: .seconds(60)) {
            guard let (host, fixture, _, port) = try await Self.attachedFromHost() else { return }
            try await Self.killHelper(of: fixture)
            // What it would have done next but for the last step.
            try await fixture.run("ip", "link", "set", port.ifname, "down")
            try await fixture.run("ip", "link", "set", port.ifname, "netns", String(host.pid), "name", "guest7")
            let next = try await fixture.connect()
            try await next.removePort(ifname: port.ifname)
            #expect(try await host.succeed("ip", "-brief", "link", "show", "guest7").contains(",UP"))
            #expect(try await next.inventory().ports == [])
            try await fixture.finish(next)
        }
    }

    @Test("what a holder's end would strand in its namespace is given back first")
    func shutdown() async throws {
        guard try Requirement.need("root", "nsenter") else { return }
        try await bounded(within: .seconds(60)) {
            guard let (host, fixture, client, _) = try await Self.attachedFromHost() else { return }
            try await fixture.finish(client)
            try await host.succeed("ip", "link", "show", "guest7")
        }
    }
}
