import Foundation
import Glibc
import JSON
import Network
import Runtime
import TestSupport
import Testing

/// A node whose helper or dnsmasq is killed at chosen places of what is done to it, while the daemon lives on.
///
/// Each step begins where the one before it has ended, and is checked: the command has succeeded, what was wanted is so, nothing
/// is left, and all is well. So a round is a life of everything, with one place of each step in it.
struct HelperLane {
    enum Step: Sendable {
        case run([String])
        /// Waits for a guest that heeds the power button.
        case await(String)
        /// The helper is killed while nothing is asked of it: the places are the next one's.
        case lose
    }

    enum Victim: String, Sendable {
        case helper
        case dnsmasq
    }

    /// The life of a VM with a tap of the node's.
    static let tap: [Step] = [
        .run(["vm", "create", "tap1", "--memory", "32MiB"]), .await("tap1"), .run(["vm", "restart", "tap1"]),
        .run(["vm", "stop", "tap1", "--force"]), .run(["vm", "start", "tap1"]),
        .run(["vm", "delete", "tap1", "--force", "-y"]),
    ]
    /// The lives of a guest that something else runs, of a network, and of a helper.
    static let others: [Step] = [
        .run(["vm", "create", "ext1", "--interface", "q0"]), .run(["vm", "restart", "ext1"]),
        .run(["vm", "stop", "ext1"]), .run(["vm", "start", "ext1"]),
        .run(["vm", "delete", "ext1", "--force", "-y"]),
        .run(["network", "create", "second", "--prefix", "fd12:3456:789a:2::/64"]),
        .run(["network", "delete", "second", "-y"]), .lose,
    ]

    let node: LivingNode
    let host: TestNamespace
    let steps: [Step]

    /// What the daemon needs to be told for this: where places are written, and where orders are read.
    static func environment(in directory: String) -> [String: String] {
        ["UNCLOUD_CRASH_POINTS": directory + "/points", "UNCLOUD_CRASH_ORDER": directory + "/order"]
    }

    /// Plays all steps and gives the places of helper calls in each, as an order names them.
    func record() async throws -> [[String]] {
        var places: [[String]] = []
        for step in steps {
            let before = try points().count
            try await play(step)
            try await check(step, "undisturbed")
            var passed: [String: Int] = [:]
            places.append(
                try points().dropFirst(before).map { label in
                    passed[label, default: 0] += 1
                    return "\(passed[label, default: 0]) \(label)"
                })
        }
        return places
    }

    /// Plays all steps, and kills at the place of this number in each that has one. The victims take turns, beginning with
    /// `first`: a dnsmasq that ends soon again is started again later and later, but for a new helper.
    ///
    /// - Returns: how many were killed.
    func round(_ number: Int, first: Victim, _ places: [[String]]) async throws -> Int {
        var killed = 0
        var victim = first
        for (step, places) in zip(steps, places) {
            guard places.indices.contains(number) else {
                try await play(step)
                try await check(step, "undisturbed")
                continue
            }
            if case .lose = step { victim = .helper }
            let label = "\(victim) killed at \(places[number])"
            try order(places[number], victim)
            try await play(step)
            try await check(step, label)
            #expect(!FileManager.default.fileExists(atPath: orderFile), "\(step): \(label): it was not reached")
            killed += 1
            victim = victim == .helper ? .dnsmasq : .helper
        }
        return killed
    }

    private var orderFile: String { node.directory.file("order") }

    private func order(_ place: String, _ victim: Victim) throws {
        let file = victim == .helper ? "run/helper.pid" : "run/networks/1/dnsmasq.pid"
        try Data("\(place)\n\(node.directory.file(file))\n".utf8).write(
            to: URL(fileURLWithPath: orderFile), options: .atomic)
    }

    /// The labels of helper calls passed so far, before and after each.
    private func points() throws -> [String] {
        try node.directory.read("points").split(separator: "\n")
            .map { $0.drop { $0 != " " }.dropFirst() }.filter { $0.contains(" helper ") }.map(String.init)
    }

    private func play(_ step: Step) async throws {
        switch step {
        case .run(let command): try await run(command)
        case .await(let guest): try await node.awaitGuest(guest)
        case .lose:
            let helper = try #require(PIDFile.owner(node.directory.file("run/helper.pid")))
            let watch = try ProcessWatch(pid: helper, on: TestLoops.loop)
            try watch.signal(SIGKILL)
            try await watch.waitForExit()
            try await node.until("the order's place") { [orderFile] in
                !FileManager.default.fileExists(atPath: orderFile)
            }
        }
    }

    private func run(_ command: [String]) async throws {
        var arguments = command
        if command[1] == "create", command[2] == "tap1" {
            let disk = node.directory.file("tap1.raw")
            try Data(BootSectors.heedsButton).write(to: URL(fileURLWithPath: disk))
            arguments += ["--disk", disk + ",format=raw"]
        }
        let result = try await node.daemon.run(arguments)
        #expect(result.code == 0, "\(command): \(result.messages)")
    }

    /// All is well again, what was wanted is so, and nothing is left.
    private func check(_ step: Step, _ label: String) async throws {
        let node = node
        try await node.until("\(step): \(label): the end of all problems") { try await node.problems() == [] }
        #expect(try await node.garbage() == 0, "\(step): \(label)")
        guard case .run(let command) = step, command[0] == "vm" else { return }
        let isUp = ["create", "restart", "start"].contains(command[1])
        if command[2] == "ext1" {
            let isHome = try await host.run("ip", "link", "show", "q0").status == .exited(0)
            #expect(isHome != isUp, "\(step): \(label): q0 is \(isHome ? "at home" : "captured")")
        } else {
            #expect(node.machines().count == (isUp ? 1 : 0), "\(step): \(label)")
        }
        guard command[1] != "delete" else { return }
        let state = try await node.show(command[2]).value(at: "/status/state")?.stringValue
        #expect(state == (isUp ? "running" : "stopped"), "\(step): \(label)")
    }
}
