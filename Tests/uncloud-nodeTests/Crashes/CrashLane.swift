import Foundation
import JSON
import Runtime
import TestSupport
import Testing

/// A node that is killed at a chosen place, started again, and looked at: a directory and a namespace for many turns.
struct CrashLane {
    /// What is done to the node: the commands of a VM's life each, in their order. Each can be given again after a crash. The
    /// guest of `crash1` halts, that of `off1` powers itself off, that of `push1` heeds the power button; `ext1` is one that
    /// something else runs, on an interface of the host; `alive1` runs all the time and nobody touches it.
    static let lives = [
        [
            ["vm", "create", "crash1", "--memory", "32MiB"], ["vm", "stop", "crash1", "--force"],
            ["vm", "start", "crash1"], ["vm", "stop", "crash1", "--force"], ["vm", "delete", "crash1", "-y"],
        ],
        [
            ["vm", "create", "off1", "--memory", "32MiB", "--no-wait"], ["vm", "wait", "off1", "--for", "stopped"],
            ["vm", "delete", "off1", "-y"],
        ],
        [
            ["vm", "create", "push1", "--memory", "32MiB"],
            ["vm", "console", "push1", "--until", "RRR", "--timeout", "60s"], ["vm", "restart", "push1"],
            ["vm", "delete", "push1", "--force", "-y"],
        ],
        [["vm", "create", "ext1", "--interface", "q0"], ["vm", "delete", "ext1", "--force", "-y"]],
    ]
    private static let disks = [
        "crash1": BootSectors.halts, "alive1": BootSectors.halts, "off1": BootSectors.powersOff,
        "push1": BootSectors.heedsButton,
    ]

    let directory: TemporaryDirectory
    let namespace: String
    /// What the node takes for the host's network; it has the interface `q0`.
    private let host: TestNamespace
    /// The process of `alive1`.
    private let bystander: Int32

    /// Makes the node with its network and leaves it without a daemon.
    init(_ name: String) async throws {
        directory = try TemporaryDirectory(name)
        for (name, disk) in Self.disks {
            try Data(disk).write(to: URL(fileURLWithPath: directory.file("\(name).raw")))
        }
        host = try await TestNamespace.make(inUserNamespace: false)
        try await host.succeed("ip", "link", "add", "q0", "type", "veth", "peer", "name", "q0peer")
        let daemon = try await RealDaemon(directory, host: host)
        namespace = daemon.namespace
        let made = try await daemon.run(["network", "create", "default", "--prefix", "fd12:3456:789a:1::/64"])
        try #require(made.code == 0, "\(made.messages)")
        let alive = [
            "vm", "create", "alive1", "--memory", "32MiB", "--disk", directory.file("alive1.raw") + ",format=raw",
        ]
        let created = try await daemon.run(alive)
        try #require(created.code == 0, "\(created.messages)")
        bystander = try #require(RealDaemon.machines(in: directory).first)
        try await Self.end(daemon)
    }

    /// A place: a label, and the how-manieth time it was passed in a life.
    struct Place: Sendable {
        var line: String
        var life: [[String]]
        /// Whether every run passes it: a first passing, but for the button's answer, which the cut of `stop --force` may overtake.
        var isSure: Bool { line.hasPrefix("1 ") && !line.hasSuffix("after qmp crash1 system_powerdown") }
    }

    /// Plays all lives, a daemon each, and gives the places that were passed in them, in their order; those of a daemon's start
    /// are the first life's alone.
    func record() async throws -> [Place] {
        var places: [Place] = []
        for (number, life) in Self.lives.enumerated() {
            let name = "points-\(number)"
            let daemon = try await start(["UNCLOUD_CRASH_POINTS": directory.file(name)])
            let known = number == 0 ? 0 : try directory.read(name).split(separator: "\n").count
            for command in life {
                let result = try await daemon.run(arguments(command))
                try #require(result.code == 0, "\(command): \(result.messages)")
            }
            try await Self.end(daemon)
            places += try directory.read(name).split(separator: "\n").dropFirst(known)
                .map { Place(line: String($0), life: life) }
        }
        return places
    }

    /// Kills the daemon at a place, starts it again, and checks that everything converges and nothing is left.
    ///
    /// - Returns: whether the place was reached; if it wasn't, the daemon was killed at the end of the commands.
    func turn(_ place: Place) async throws -> Bool {
        let label = "\(place.line) (\(place.life[0][2]))"
        let isReached = try await provoke(place)
        let daemon = try await start([:])
        try await converge(daemon, label)
        for command in place.life where ["stop", "delete"].contains(command[1]) {
            let result = try await daemon.run(arguments(command))
            #expect(result.code == 0 || result.code == 3, "\(label): \(command): \(result.messages)")
        }
        #expect(machines() == [bystander], "\(label): a process of a deleted VM is left, or the bystander was touched")
        let left = (try? FileManager.default.contentsOfDirectory(atPath: directory.file("run/vms"))) ?? []
        #expect(left.count == 1, "\(label): directories of a deleted VM are left: \(left)")
        let alive = try JSONValue(parsing: try await daemon.run(["vm", "show", "alive1", "-o", "json"]).output)
        #expect(alive.value(at: "/status/state")?.stringValue == "running", "\(label)")
        #expect(alive.value(at: "/status/boots")?.intValue == 1, "\(label)")
        try await checkNothingUnknown(daemon, label)
        #expect(try await host.run("ip", "link", "show", "q0").status == .exited(0), "\(label): q0 was not given back")
        try await Self.end(daemon)
        return isReached
    }

    func remove() async throws {
        let daemon = try await start([:])
        let down = try await daemon.down()
        #expect(down.code == 0, "\(down.messages)")
        directory.remove()
    }

    private func start(_ environment: [String: String]) async throws -> RealDaemon {
        try await RealDaemon(directory, namespace: namespace, environment: environment, host: host)
    }

    private func arguments(_ command: [String]) -> [String] {
        guard command[1] == "create", Self.disks[command[2]] != nil else { return command }
        return command + ["--disk", directory.file("\(command[2]).raw") + ",format=raw"]
    }

    /// Gives commands until the daemon dies of its crash point. A first passing comes each time; how often a status is
    /// stored after that may differ from run to run, and a place that doesn't come in time is given up.
    private func provoke(_ place: Place) async throws -> Bool {
        let daemon: RealDaemon
        do {
            daemon = try await start(["UNCLOUD_CRASH_AT": place.line])
        } catch is RealDaemon.DaemonDied {
            return true
        }
        for command in place.life {
            let result = try await daemon.run(arguments(command))
            if result.code != 0 { break }
        }
        let process = daemon.process
        let giveUp = TestLoops.loop.schedule(after: .seconds(place.isSure ? 20 : 2)) { try? process.kill(15) }
        let status = try await process.waitForExit()
        giveUp.cancel()
        return status == .signaled(9)
    }

    /// What is wanted is what is seen, and no VM has two processes.
    private func converge(_ daemon: RealDaemon, _ label: String) async throws {
        let list = try await daemon.run(["vm", "list", "-o", "json"])
        let value = try JSONValue(parsing: list.output)
        let vms = value.arrayValue ?? value["items"]?.arrayValue ?? []
        #expect(Set(vms.compactMap { $0["name"]?.stringValue }).count == vms.count, "\(label): doubled")
        var running = 1
        for vm in vms {
            guard let name = vm["name"]?.stringValue, name != "alive1" else { continue }
            let goal = name == "off1" || vm["resolved"]?["power"]?.stringValue == "off" ? "stopped" : "running"
            // One guest does not listen to ACPI, the other not while it boots: a stop that was cut off before its kill is given
            // again.
            if goal == "stopped", name != "off1" { _ = try await daemon.run(["vm", "stop", name, "--force"]) }
            let waited = try await daemon.run(["vm", "wait", name, "--for", goal, "--timeout", "30s"])
            #expect(waited.code == 0, "\(label): \(name) is not \(goal): \(waited.messages)")
            running += goal == "running" && name != "ext1" ? 1 : 0
        }
        #expect(machines().count == running, "\(label): \(machines()) for \(vms.count) VMs")
        // What a tombstone asks for is done after the start.
        try await withDeadline(
            Duration.seconds(20).patient, on: TestLoops.loop, "\(label): the rest of the addresses of VMs that are gone"
        ) {
            while try await daemon.run(["mac", "list", "-o", "json"]).output
                .components(separatedBy: "\"used\"").count - 1 != vms.count
            {}
        }
    }

    private func checkNothingUnknown(_ daemon: RealDaemon, _ label: String) async throws {
        let garbage = try await daemon.run(["gc", "--dry-run", "-o", "json"])
        let count = try JSONValue(parsing: garbage.output)["count"]?.intValue
        #expect(count == 0, "\(label): \(garbage.output)")
    }

    private func machines() -> [Int32] { RealDaemon.machines(in: directory) }

    private static func end(_ daemon: RealDaemon) async throws {
        try daemon.process.kill(15)
        _ = try await daemon.process.waitForExit()
    }
}
