import Foundation
import JSON
import Network
import Runtime
import TestSupport
import Testing

/// A node of a test's own with a network and guests that halt, and what can be done to it from outside.
final class LivingNode: Sendable {
    let directory: TemporaryDirectory
    private let host: TestNamespace?
    private let current: Locked<RealDaemon>

    /// The daemon of the moment.
    var daemon: RealDaemon { current.withLock { $0 } }

    /// Runs a test against a node, and takes it down whatever comes; does nothing where something is missing. `host` is what the
    /// node takes for the host's network, which is the machine's otherwise.
    static func with(
        _ name: String, environment: [String: String] = [:], host: TestNamespace? = nil, test: String = #function,
        _ body: @escaping @Sendable (LivingNode) async throws -> Void
    ) async throws {
        try await with(name, environment: { _ in environment }, host: host, within: .seconds(180), test: test, body)
    }

    /// The same, with an environment that depends on the node's directory.
    static func with(
        _ name: String, environment: @escaping @Sendable (String) -> [String: String], host: TestNamespace?,
        within limit: Duration, test: String = #function,
        _ body: @escaping @Sendable (LivingNode) async throws -> Void
    ) async throws {
        guard try Requirement.need("root", "tun", "dnsmasq", "ip", "qemu-system-x86_64", RealDaemon.binary, by: test)
        else { return }
        try await bounded(name, within: limit) {
            let directory = try TemporaryDirectory(name)
            let node = try await LivingNode(directory, environment(directory.path), host)
            do {
                try await body(node)
            } catch {
                await node.remove()
                throw error
            }
            await node.remove()
        }
    }

    private init(
        _ directory: TemporaryDirectory, _ environment: [String: String], _ host: TestNamespace?
    ) async throws {
        self.directory = directory
        self.host = host
        current = Locked(try await RealDaemon(directory, environment: environment, host: host))
        try await succeed("network", "create", "default", "--prefix", "fd12:3456:789a:1::/64")
    }

    /// Without a daemon too, and once more if the first attempt failed halfway; in a task of its own, for that of a test that
    /// took too long is cancelled.
    private func remove() async {
        let removal = spawn(on: TestLoops.loop, "the node's removal") { [self] in
            _ = try? await daemon.run(["down", "--force", "-y"])
            _ = try? await daemon.run(["down", "--force", "-y"])
            // What a failed test has led it not to find.
            for pid in machines() { kill(pid, SIGKILL) }
            directory.remove()
        }
        _ = try? await removal.value
    }

    @discardableResult
    func succeed(_ arguments: String...) async throws -> String {
        let result = try await daemon.run(arguments)
        try #require(result.code == 0, "\(arguments): \(result.messages)")
        return result.output
    }

    /// Creates a VM and returns once its guest runs, or at once.
    func create(_ name: String, _ more: String..., disk sectors: [UInt8] = BootSectors.halts) async throws {
        let disk = directory.file("\(name).raw")
        try Data(sectors).write(to: URL(fileURLWithPath: disk))
        let result = try await daemon.run(
            ["vm", "create", name, "--memory", "32MiB", "--disk", "\(disk),format=raw"] + more)
        try #require(result.code == 0, "\(name): \(result.messages)")
    }

    func show(_ name: String) async throws -> JSONValue {
        try JSONValue(parsing: try await succeed("vm", "show", name, "-o", "json"))
    }

    /// The process of a VM as its status has it.
    func pid(_ name: String) async throws -> Int32 {
        let pid = try #require(try await show(name).value(at: "/status/pid")?.intValue)
        return try #require(Int32(exactly: pid))
    }

    /// The condition `Running` of a VM: its reason.
    func reason(_ name: String) async throws -> String {
        let conditions = try await show(name).value(at: "/status/conditions")?.arrayValue ?? []
        return conditions.first { $0["type"]?.stringValue == "Running" }?["reason"]?.stringValue ?? ""
    }

    /// What happened, as `KIND SUBJECT`.
    func events() async throws -> [String] {
        try JSONValue(parsing: try await succeed("events", "-o", "json"))["items"]?.arrayValue?.map { event in
            "\(event["event"]?.stringValue ?? "") \(event["subject"]?.stringValue ?? "")"
        } ?? []
    }

    /// Waits until a guest of `BootSectors.heedsButton` is there to heed it.
    func awaitGuest(_ name: String) async throws {
        try await succeed("vm", "console", name, "--until", "RRR", "--timeout", "60s")
    }

    /// How many things there are that no record explains.
    func garbage() async throws -> Int64 {
        let told = try JSONValue(parsing: try await succeed("gc", "--dry-run", "-o", "json"))
        return try #require(told["count"]?.intValue)
    }

    func problems() async throws -> [String] {
        let status = try JSONValue(parsing: try await succeed("status", "-o", "json"))
        return (status["problems"]?.arrayValue ?? []).compactMap(\.stringValue)
    }

    /// Asks again and again until it is so.
    func until(_ what: String, _ condition: @escaping @Sendable () async throws -> Bool) async throws {
        try await withDeadline(Duration.seconds(40).patient, on: TestLoops.loop, what) {
            while try await !condition() {}
        }
    }

    /// Ends the daemon by a signal, and returns when it is gone.
    func end(_ signal: Int32 = SIGTERM) async throws {
        try daemon.process.kill(signal)
        _ = try await daemon.process.waitForExit()
    }

    /// Starts the next daemon.
    ///
    /// - Throws: `RealDaemon.DaemonDied` with its log.
    func start(_ environment: [String: String] = [:], program: String = RealDaemon.binary) async throws {
        let next = try await RealDaemon(
            directory, namespace: daemon.namespace, environment: environment, program: program, host: host)
        current.withLock { $0 = next }
    }

    /// Whether a process lives.
    static func lives(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }

    /// The QEMU processes of this node.
    func machines() -> [Int32] { RealDaemon.machines(in: directory) }

    /// A QEMU that is none of the node's VMs' and holds the lock of a directory in the run-time directory, as one does
    /// whose record was lost.
    func startStranger(_ id: String) async throws -> ChildProcess {
        let vms = directory.file("run/vms")
        try FileManager.default.createDirectory(atPath: "\(vms)/\(id)", withIntermediateDirectories: true)
        let process = try await ChildProcess.spawn(
            ProcessSpec(
                executable: "qemu-system-x86_64",
                arguments: [
                    "-machine", "none", "-nodefaults", "-display", "none", "-S", "-pidfile", "\(vms)/\(id)/pid",
                ]),
            on: TestLoops.loop)
        try await until("the stranger's lock") { PIDFile.owner("\(vms)/\(id)/pid") == process.pid }
        return process
    }
}
