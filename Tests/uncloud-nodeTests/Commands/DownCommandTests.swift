import Foundation
import Network
import Runtime
import TestSupport
import Testing
import uncloud_node

@Suite("Going down after a crash")
struct DownCommandTests {
    @Test("with daemon, holder and helper killed, down --force needs no name of the namespace and leaves nothing")
    func everythingKilled() async throws {
        guard try Requirement.need("root", "tun", "dnsmasq", "qemu-system-x86_64", RealDaemon.binary) else { return }
        try await bounded("a crash of everything", within: .seconds(120)) {
            let daemon = try await RealDaemon(try TemporaryDirectory("killed"))
            let run = daemon.directory.file("run")
            let pin = "/run/netns/\(daemon.namespace)"
            for arguments in [
                ["network", "create", "default", "--prefix", "fd12:3456:789a:1::/64"],
                ["vm", "create", "runner", "--memory", "32MiB"],
            ] {
                let made = try await daemon.run(arguments)
                try #require(made.code == 0, "\(made.messages)")
            }
            try daemon.process.kill(9)
            _ = try await daemon.process.waitForExit()
            for file in ["holder.pid", "helper.pid"] {
                let pid = try #require(PIDFile.owner("\(run)/\(file)"), "\(file)")
                let watch = try ProcessWatch(pid: pid, on: TestLoops.loop)
                try watch.signal(9)
                try await watch.waitForExit()
            }
            try #require(FileManager.default.fileExists(atPath: pin), "the crash left no name behind")
            #expect(!Self.processes(of: daemon).isEmpty, "the VM runs on")

            let down = try await daemon.run(["down", "--force", "-y"])
            #expect(down.code == 0, "\(down.messages)")
            #expect(!FileManager.default.fileExists(atPath: pin), "the namespace's name is left")
            #expect(Self.processes(of: daemon).isEmpty, "\(Self.processes(of: daemon))")
            let left = try FileManager.default.contentsOfDirectory(atPath: run)
            #expect(
                !left.contains("namespace") && !left.contains("holder.pid") && !left.contains("helper.pid"), "\(left)")
        }
    }

    /// The command lines that name the daemon's directory.
    private static func processes(of daemon: RealDaemon) -> [String] {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.compactMap { pid in
            guard let words = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return nil }
            let line = String(decoding: words, as: UTF8.self)
            return line.contains(daemon.directory.path) ? line.replacing("\0", with: " ") : nil
        }
    }
}
