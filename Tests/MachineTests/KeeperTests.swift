import Foundation
import Glibc
import JSON
import Machine
import QemuMonitor
import Runtime
import TestSupport
import Testing

/// A keeper in a process of its own, as a node has it.
private struct TestKeeper {
    let client: ConsoleKeeperClient
    let pid: Int32

    static func start(_ run: String) async throws -> TestKeeper {
        let supervisor = KeeperSupervisor(
            executable: builtProgram("machine-tool"), arguments: ["keeper"], runDirectory: run, on: TestLoops.loop)
        return TestKeeper(client: supervisor.client, pid: try await supervisor.start())
    }

    /// Sends the keeper a signal and waits for its end.
    func end(_ signal: Int32) async throws {
        let watch = try ProcessWatch(pid: pid, on: TestLoops.loop)
        try watch.signal(signal)
        try await watch.waitForExit()
    }
}

/// Reads until the text has come.
private func expect(_ text: String, from connection: Connection) async throws -> String {
    var seen = ""
    while !seen.contains(text), let bytes = try await connection.read() {
        seen += String(decoding: bytes, as: UTF8.self)
    }
    #expect(seen.contains(text), "the stream ended after \(seen.suffix(200))")
    return seen
}

private func fileSize(_ path: String) -> Int? {
    try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
}

@Suite("The console keeper")
struct KeeperTests {
    /// A machine and a keeper, which is ended whatever comes.
    private func with(
        _ sector: BootSector, _ body: @escaping @Sendable (TestMachine, ConsoleKeeperClient) async throws -> Void
    ) async throws {
        try await TestMachine.with(sector) { test in
            let keeper = try await TestKeeper.start(test.root)
            var test = test
            test.launcher.keeper = keeper.client
            let ready = test
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await body(ready, keeper.client))
            } catch {
                outcome = .failure(error)
            }
            if let again = try? await TestKeeper.start(test.root) { try await again.end(SIGTERM) }
            #expect(access(test.root + "/keeper.sock", F_OK) != 0, "SIGTERM left the socket")
            try outcome.get()
        }
    }

    @Test("what a guest prints first is in the log, and a stream carries both ways")
    func bothWays() async throws {
        try await with(.echoes) { test, client in
            let machine = try await test.launch()
            let early = try await client.stream(uuid: test.plan.uuid, input: false)
            try await machine.resume()
            _ = try await expect(">", from: early)
            let console = try await client.stream(uuid: test.plan.uuid, replay: 100)
            _ = try await expect(">", from: console)
            try await console.write(Array("hello".utf8))
            _ = try await expect("hello", from: console)
            _ = try await expect("hello", from: early)
            // A stream without input is only for looking.
            try await early.write(Array("not this".utf8))
            try await console.write(Array("!".utf8))
            #expect(try await expect("!", from: console) == "!")
            let list = try await client.list()
            #expect(list.map(\.uuid) == [test.plan.uuid])
            #expect(list[0].connected)
            #expect(list[0].streams == 2)
            let log = try String(contentsOfFile: test.directory.consoleLog, encoding: .utf8)
            #expect(log.hasSuffix(">hello!"))
            try await client.detach(uuid: test.plan.uuid)
            #expect(try await expect("!", from: early) == "!")
            #expect(try await early.read() == nil)
            try await machine.quit()
        }
    }

    @Test("a guest that prints without end fills its ring and no more, and a client that doesn't read holds up nothing")
    func endless() async throws {
        try await with(.printsWithoutEnd) { test, client in
            let machine = try await test.launch()
            let limit = 16 << 10
            try await client.attach(uuid: test.plan.uuid, directory: test.directory, .launching, limit: limit)
            let idle = try await client.stream(uuid: test.plan.uuid)
            try await machine.resume()
            func received() async throws -> Int64 { try await client.list().first?.received ?? 0 }
            while try await received() < Int64(limit) * 8 { try await TestLoops.loop.sleep(for: .milliseconds(20)) }
            // The newer file is missing for a moment whenever the older one is replaced by it.
            let log = test.directory.consoleLog
            #expect(fileSize(log).map { $0 <= limit / 2 } ?? true)
            #expect(fileSize(log + ".1") == limit / 2)
            let tail = try await client.stream(uuid: test.plan.uuid, replay: 2048)
            _ = try await expect("ABCDEFGHIJKLMNOPQRSTUVWXYZ", from: tail)
            idle.close()
            try await machine.kill()
        }
    }

    @Test("a keeper that was killed is started again, is told again, and reads on")
    func restart() async throws {
        try await with(.echoes) { test, client in
            let machine = try await test.launch()
            try await machine.resume()
            let first = try await client.stream(uuid: test.plan.uuid, replay: 100)
            _ = try await expect(">", from: first)
            let old = try await client.hello().pid
            try await ProcessWatch(pid: old, on: TestLoops.loop).killed()
            #expect(try await first.read() == nil)
            await #expect(throws: MachineError.self) { try await client.list() }

            let new = try await TestKeeper.start(test.root)
            #expect(new.pid != old)
            #expect(try await client.list().isEmpty)
            #expect(try await client.attach(uuid: test.plan.uuid, directory: test.directory, .running))
            let again = try await client.stream(uuid: test.plan.uuid, replay: 100)
            try await again.write(Array("x".utf8))
            #expect(try await expect("x", from: again).contains(">"))
            #expect(try await machine.status() == .running)
            try await machine.quit()
        }
    }

    @Test("a second keeper finds the first by its lock, and a machine started anew is read anew")
    func found() async throws {
        try await with(.echoes) { test, client in
            let pid = try await client.hello().pid
            #expect(try await TestKeeper.start(test.root).pid == pid)
            for _ in 0..<2 {
                let machine = try await test.launch()
                let console = try await client.stream(uuid: test.plan.uuid)
                try await machine.resume()
                _ = try await expect(">", from: console)
                console.close()
                try await machine.kill()
            }
            #expect(try String(contentsOfFile: test.directory.consoleLog, encoding: .utf8) == ">>")
        }
    }

    @Test("what QEMU says while it runs goes into its log")
    func errors() async throws {
        try await with(.halts) { test, client in
            let machine = try await test.launch()
            try machine.watch.signal(SIGTERM)
            try await machine.waitForExit(within: .seconds(10))
            var log = ""
            while !log.contains("terminating on signal 15") {
                log = (try? String(contentsOfFile: test.directory.log, encoding: .utf8)) ?? ""
                try await TestLoops.loop.sleep(for: .milliseconds(5))
            }
            try test.directory.remove()
            #expect(access(test.directory.path, F_OK) != 0)
        }
    }

    @Test("an unknown console is refused, and so is nonsense")
    func refusals() async throws {
        try await with(.halts) { test, client in
            let error = await #expect(throws: MachineError.self) { _ = try await client.stream(uuid: "nobody") }
            #expect(error?.code == .keeper)
            #expect(error?.message == "no such console")
            let raw = try await Connection.connect(to: .unix(path: client.path), on: TestLoops.loop)
            try await raw.write(Array("{\"op\":\"dance\"}\n{\"op\":\"attach\"}\n{\"op\":\"hello\"}\n".utf8))
            let answers = try await expect("\"pid\"", from: raw)
            #expect(answers.split(separator: "\n").count == 3)
            #expect(answers.components(separatedBy: "bad-request").count == 3)
        }
    }

    @Test("the options are read, and anything else is a usage error")
    func options() {
        #expect(KeeperOptions(arguments: ["--run", "/r"]) == KeeperOptions(runDirectory: "/r"))
        let full = KeeperOptions(arguments: ["--listen-fd", "3", "--run", "/r"])
        #expect(full == KeeperOptions(runDirectory: "/r", listener: 3))
        for bad in [
            [], ["--run"], ["--run", "/r", "--listen-fd", "x"], ["--run", "/r", "--listen-fd", "1"], ["--x", "y"],
        ] {
            #expect(KeeperOptions(arguments: bad) == nil)
        }
    }
}

extension ProcessWatch {
    fileprivate func killed() async throws {
        try signal(SIGKILL)
        try await waitForExit()
    }
}
