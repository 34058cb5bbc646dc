import Runtime
import TestSupport

/// Two hosts that have nothing to do with the node but its kernel, joined by a veth pair: their neighbours are entries of the
/// same table.
final class Bystanders: Sendable {
    /// More than the table's own garbage collector leaves alone, and few enough to be no flood.
    static let addresses = 200

    private let one: TestNamespace
    private let other: TestNamespace

    init(on loop: EventLoop) async throws {
        one = try await TestNamespace.make(inUserNamespace: false, on: loop)
        other = try await TestNamespace.make(inUserNamespace: false, on: loop)
        let far = ["peer", "name", "eth0", "netns", String(other.pid)]
        _ = try await one.run(["ip", "link", "add", "eth0", "type", "veth"] + far)
        try await one.succeed("ip", "address", "add", "fd77::ffff/64", "dev", "eth0", "nodad")
        let commands = (1...Self.addresses).map { "address add fd77::\(String($0, radix: 16))/64 dev eth0 nodad\n" }
        try await other.succeed("ip", "-batch", "-", input: commands.joined())
        for host in [one, other] { try await host.succeed("ip", "link", "set", "eth0", "up") }
    }

    /// Asks each address of the other host, with no neighbour known before: a closed port's refusal is an answer.
    ///
    /// - Returns: how many answered.
    func answers() async throws -> Int {
        try await one.succeed("ip", "neighbour", "flush", "dev", "eth0")
        let said = try await one.succeed("python3", "-c", Self.script, String(Self.addresses))
        return Int(said.split(separator: "\n").last ?? "") ?? 0
    }

    private static let script = #"""
        import socket, sys
        answered = 0
        for i in range(1, int(sys.argv[1]) + 1):
            s = socket.socket(socket.AF_INET6)
            s.settimeout(5)
            try: s.connect((f'fd77::{i:x}', 9))
            except ConnectionRefusedError: answered += 1
            except OSError as error: print(i, error)
        print(answered)
        """#
}
