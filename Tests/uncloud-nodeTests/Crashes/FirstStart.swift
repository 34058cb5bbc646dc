import Foundation
import JSON
import Runtime
import TestSupport
import Testing

/// A directory in which no node has been, whose first daemon is killed at a chosen place.
struct FirstStart {
    let directory: TemporaryDirectory

    init(_ name: String) throws { directory = try TemporaryDirectory(name) }

    /// Starts a daemon whole and gives the places that were passed.
    func record() async throws -> [String] {
        let file = directory.file("points")
        let daemon = try await RealDaemon(directory, environment: ["UNCLOUD_CRASH_POINTS": file])
        let places = try directory.read("points").split(separator: "\n").map(String.init)
        try await end(daemon)
        return places
    }

    /// Kills the first daemon at the place, starts the next one, and looks whether it is a node like any other.
    func turn(_ place: String) async throws {
        let namespace = "uncloud-test-\(getpid())-\(UInt32.random(in: 0...0xffff))"
        await #expect(throws: RealDaemon.DaemonDied.self, "\(place) was not reached") {
            _ = try await RealDaemon(directory, namespace: namespace, environment: ["UNCLOUD_CRASH_AT": place])
        }
        // They end a moment after who asked, as do those of other tests' daemons.
        try await bounded("\(place): the end of a QEMU that was only asked what it is", within: .seconds(20)) {
            while !Self.probes().isEmpty { try await TestLoops.loop.sleep(for: .milliseconds(20)) }
        }
        let daemon = try await RealDaemon(directory, namespace: namespace)
        let status = try JSONValue(parsing: try await daemon.run(["status", "-o", "json"]).output)
        #expect(status["ok"] == true && status["problems"] == [], "\(place): \(status)")
        let made = try await daemon.run(["network", "create", "default", "--prefix", "fd12:3456:789a:1::/64"])
        #expect(made.code == 0, "\(place): \(made.messages)")
        for mode in ["holder", "helper", "keeper"] {
            #expect(processes(of: mode).count == 1, "\(place): \(processes(of: mode)) are a \(mode)")
        }
        try await end(daemon)
        #expect(["holder", "helper", "keeper"].allSatisfy { processes(of: $0).isEmpty }, "\(place): left")
    }

    private func end(_ daemon: RealDaemon) async throws {
        let down = try await daemon.down()
        #expect(down.code == 0, "\(down.messages)")
        directory.remove()
    }

    /// The processes of a mode in this directory.
    private func processes(of mode: String) -> [Int32] {
        let marks = [" internal \(mode) ", " \(directory.path)/"]
        return Self.commandLines().filter { _, line in marks.allSatisfy(line.contains) }.map(\.pid)
    }

    /// The children of no daemon that are asked what they are.
    private static func probes() -> [Int32] {
        commandLines().filter { pid, line in
            line.contains("-machine none") && line.contains("qemu") && parent(of: pid) == 1
        }.map(\.pid)
    }

    private static func commandLines() -> [(pid: Int32, line: String)] {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.compactMap { Int32($0) }.map { pid in
            let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
            return (pid, String(decoding: bytes, as: UTF8.self).replacing("\0", with: " "))
        }
    }

    private static func parent(of pid: Int32) -> Int32 {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("PPid:") }
        return line.flatMap { Int32($0.split(separator: "\t")[1]) } ?? 0
    }
}
