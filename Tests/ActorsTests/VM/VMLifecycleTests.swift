import Actors
import Foundation
import Model
import Testing

/// The lives of VMs as transcripts, a file each in `Tests/ActorsData`: what happened, `----`, and what the machine made of
/// it. `UNCLOUD_REWRITE=1 swift test --filter VMLifecycleTests` writes them anew; commit only changes that you understand.
@Suite("The lifecycle of a VM")
struct VMLifecycleTests {
    private static let directory = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("ActorsData")

    static let files: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        return names.filter { $0.hasSuffix(".txt") }.sorted()
    }()

    @Test("there are transcripts")
    func present() {
        #expect(Self.files.count >= 44)
    }

    @Test("a VM lives as its transcript says", arguments: files)
    func transcript(_ name: String) throws {
        let file = Self.directory.appendingPathComponent(name)
        let text = try String(contentsOf: file, encoding: .utf8)
        let parts = text.components(separatedBy: "----\n")
        try #require(parts.count == 2)
        let lines = parts[0].split(separator: "\n").filter { !$0.hasPrefix("#") }
        let setting = try #require(lines.first)
        var life = try LifecycleTranscript(setting: String(setting))
        let output = try life.play(lines.dropFirst().joined(separator: "\n")) + "\n"
        if ProcessInfo.processInfo.environment["UNCLOUD_REWRITE"] != nil {
            try (parts[0] + "----\n" + output).write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(output == parts[1], "\(name)")
    }

    @Test("each start of a process is counted, whenever it comes, and an adoption is none")
    func boots() throws {
        var life = try LifecycleTranscript(setting: "vm restart=always")
        _ = try life.play("woke\nfound nothing\nlaunched")
        #expect(life.lifecycle.status.boots == 1)
        let started = life.lifecycle.status.started
        _ = try life.play("command restart\nshutdown guest\nexited\nlaunched")
        // Within the same second, which the moment of the start can't tell apart.
        #expect(life.lifecycle.status.started == started)
        #expect(life.lifecycle.status.boots == 2)
        _ = try life.play("silent\npassed silence\nanswers running")
        #expect(life.lifecycle.status.boots == 2)
        var adopted = try LifecycleTranscript(setting: "vm last=running")
        _ = try adopted.play("woke\nfound running")
        #expect(adopted.lifecycle.status.boots == nil)
    }

    @Test("a stop that was not heeded is shown as long as it is so, also by the next daemon, and not after a start")
    func unheeded() throws {
        func reason(_ life: LifecycleTranscript) -> String? {
            life.lifecycle.status.conditions.first { $0.type == "Running" }?.reason
        }
        var life = try LifecycleTranscript(setting: "vm")
        _ = try life.play("woke\nfound nothing\nlaunched\npower off\npassed stop\nchanged\nsilent\npassed silence")
        #expect(reason(life) == "MonitorSilent")
        _ = try life.play("answers running")
        #expect(reason(life) == "StopTimedOut")
        _ = try life.play("power on\ncommand restart\nexited\nlaunched")
        #expect(reason(life) == "Started")
        #expect(life.lifecycle.status.unheededStop == nil)
        var next = try LifecycleTranscript(setting: "vm power=off last=running unheeded")
        _ = try next.play("woke\nfound running")
        #expect(reason(next) == "StopTimedOut")
    }

    @Test("whether the process is what the specification asks for is told, also when that changes during the launch")
    func current() throws {
        func isCurrent(_ life: LifecycleTranscript) -> String? {
            life.lifecycle.status.conditions.first { $0.type == "Current" }?.status
        }
        var life = try LifecycleTranscript(setting: "vm restart=never")
        _ = try life.play("woke\nfound nothing\ncpus 2\nlaunched")
        #expect(isCurrent(life) == "false")
        _ = try life.play("cpus 1")
        #expect(isCurrent(life) == "true")
        _ = try life.play("cpus 4\ncommand restart\nshutdown guest\nexited\nlaunched")
        #expect(isCurrent(life) == "true")
        // What a daemon before this one started is known only as the record that it left.
        var adopted = try LifecycleTranscript(setting: "vm last=running")
        _ = try adopted.play("woke\nfound running\ncpus 2")
        #expect(isCurrent(adopted) == "false")
    }

    @Test(
        "the status answers the newest revision, also of a change that asks for no act",
        arguments: [
            "launched", "launched\nsilent\npassed silence", "launched\nexited",
            "power off\ncommand kill\nlaunched\nexited",
            "launch-failed", "launched paused",
        ])
    func observed(_ before: String) throws {
        var life = try LifecycleTranscript(setting: "vm restart=never")
        _ = try life.play("woke\nfound nothing\n" + before)
        let answer = try life.play("changed")
        #expect(life.lifecycle.status.observedRevision == life.lifecycle.revision)
        #expect(answer.contains(" save"), "\(answer)")
    }
}
