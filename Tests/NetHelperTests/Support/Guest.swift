import CLinux
import Foundation
import Glibc
import Model
import Network
import Runtime
import TestSupport
import Testing

/// A guest without QEMU: a network namespace whose eth0 is one end of a veth, the other being in the helper's namespace.
final class Guest: Sendable {
    let fixture: HelperFixture
    let mac: MACAddress
    let port: GuestPort
    private let process: ChildProcess
    private let line: Connection
    private let spaces: [FileDescriptor]

    /// Makes the namespace and the veth and attaches its end to the network, then sets eth0 up. The guest's mark and MAC are
    /// made of its number; `more` are addresses it may use beside those of its MAC.
    static func join(
        _ network: NetworkPlan, number: UInt32, _ client: HelperClient, _ fixture: HelperFixture,
        mac: MACAddress? = nil, more: [IPv6Address] = [], addresses4: [IPv4Address] = []
    ) async throws -> Guest {
        let mac = mac ?? MACAddress.fromHostIndex(1, suffix: number)
        let port = GuestPort(
            ifname: "v" + String(number, radix: 16), bridge: network.bridge, mac: mac, mark: 0x8000_0000 | number,
            addresses6: [mac.linkLocal, network.prefix.eui64(mac)] + more, addresses4: addresses4)
        let guest = try await Guest(fixture, mac, port)
        try await fixture.run(
            "ip", "link", "add", port.ifname, "type", "veth", "peer", "name", "eth0", "address", mac.description,
            "netns",
            String(guest.process.pid))
        try await client.attachInterface(port, existing: port.ifname)
        try await guest.run("ip", "link", "set", "lo", "up")
        try await guest.run("ip", "link", "set", "eth0", "up")
        return guest
    }

    private init(_ fixture: HelperFixture, _ mac: MACAddress, _ port: GuestPort) async throws {
        self.fixture = fixture
        self.mac = mac
        self.port = port
        let outer = fixture.namespaces(of: try #require(fixture.supervisor.holderPID))
        var ends: [Int32] = [-1, -1]
        guard cl_socketpair(Int32(SOCK_STREAM.rawValue), &ends) >= 0 else {
            throw SystemError(errno: EMFILE, operation: "socketpair")
        }
        let theirs = FileDescriptor(owning: ends[1])
        cl_nonblocking(ends[1], 0)
        line = Connection(adopting: ends[0], on: fixture.loop)
        let spec = ProcessSpec(
            executable: "unshare", arguments: ["--net", "--", "sh", "-c", "echo inside; exec cat >/dev/null"],
            inheritedDescriptors: [0: ends[1], 1: ends[1], 2: 2], uid: outer.count > 1 ? 0 : nil,
            gid: outer.count > 1 ? 0 : nil, deathSignal: SIGKILL, namespaces: outer.map(\.number))
        process = try await ChildProcess.spawn(spec, on: fixture.loop)
        // An optimised build ends an array's life with its last use, and the descriptors with it.
        withExtendedLifetime(outer) {}
        theirs.close()
        _ = try #require(try await line.read())
        spaces = fixture.namespaces(of: process.pid)
    }

    deinit {
        line.close()
        try? process.kill(SIGKILL)
    }

    /// Ends the guest and waits until it has gone.
    func leave() async throws {
        try? process.kill(SIGKILL)
        _ = try await process.waitForExit()
    }

    @discardableResult
    func run(_ command: String...) async throws -> String {
        try await HelperFixture.run(command, in: spaces, fixture.loop)
    }

    /// Runs a part of the guest's script.
    func script(_ arguments: String...) async throws -> String {
        try await HelperFixture.run(
            ["/usr/bin/python3", "-c", GuestScript.text] + arguments, in: spaces, fixture.loop)
    }

    /// Waits until the guest has an address from the network's advertisements.
    @discardableResult
    func waitForAddress() async throws -> String {
        _ = try await script("address", "20")
        return try await script("address", "00")
    }
}
