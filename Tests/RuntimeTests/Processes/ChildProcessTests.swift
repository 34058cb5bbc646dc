import CLinux
import Foundation
import Glibc
import Runtime
import TestSupport
import Testing

@Suite("a child process")
struct ChildProcessTests {
    private func shell(_ script: String) -> ProcessSpec { ProcessSpec(executable: "sh", arguments: ["-c", script]) }

    @Test("tells how it ended: by its code or by a signal")
    func status() async throws {
        try await bounded {
            for code: Int32 in [0, 1, 77] {
                let child = try await ChildProcess.spawn(shell("exit \(code)"), on: TestLoops.loop)
                #expect(try await child.waitForExit() == .exited(code))
                #expect(try await child.waitForExit() == .exited(code))
                #expect(child.status == .exited(code))
                #expect(throws: SystemError.self) { try child.kill() }
            }
            let child = try await ChildProcess.spawn(shell("exec sleep 1000"), on: TestLoops.loop)
            try child.kill(SIGTERM)
            #expect(try await child.waitForExit() == .signaled(SIGTERM))
        }
    }

    @Test("is told by name when it cannot be started, and then nothing is left")
    func failures() async throws {
        try await bounded {
            let missing = await #expect(throws: SystemError.self) {
                try await ChildProcess.spawn(ProcessSpec(executable: "no-such-program"), on: TestLoops.loop)
            }
            #expect(missing?.errno == ENOENT && missing?.operation.contains("no-such-program") == true)
            let directory = await #expect(throws: SystemError.self) {
                var spec = shell("true")
                spec.directory = "/no/such/directory"
                _ = try await ChildProcess.spawn(spec, on: TestLoops.loop)
            }
            #expect(directory?.operation.contains("directory") == true)
            let file = await #expect(throws: SystemError.self) {
                try await ChildProcess.spawn(ProcessSpec(executable: "/etc/passwd"), on: TestLoops.loop)
            }
            #expect(file?.errno == EACCES)
        }
    }

    @Test("gets the descriptors it is given, swapped ones too, and no others")
    func descriptors() async throws {
        let directory = try TemporaryDirectory()
        try directory.write("first", to: "first")
        try directory.write("second", to: "second")
        let open = { @Sendable (name: String) in
            FileDescriptor(owning: try SystemError.check(Glibc.open(directory.file(name), O_RDONLY), "open"))
        }
        let (first, second) = (try open("first"), try open("second"))
        try await bounded {
            var spec = shell(
                "cd /proc/self/fd; cat \(second.number) \(first.number) 3; set -- *; echo $#")
            // Each under the other's number, and one on a standard descriptor's neighbour.
            spec.inheritedDescriptors = [first.number: second.number, second.number: first.number]
            let extra = try open("first")
            spec.inheritedDescriptors[3] = extra.number
            try #require(Set([3, first.number, second.number]).count == 3)
            let output = try await runProcess(spec, on: TestLoops.loop)
            withExtendedLifetime((first, second, extra)) {}
            // 0, 1, 2, the three, and the one with which the shell lists its own directory.
            #expect(output.text.hasPrefix("firstsecondfirst"), "\(output)")
            #expect(output.text.hasSuffix("7\n"), "\(output)")
        }
    }

    @Test("has the environment, directory, session and signals it should have")
    func surroundings() async throws {
        let directory = try TemporaryDirectory()
        try await bounded {
            var spec = shell(
                "echo $A; pwd; cut -d' ' -f6 /proc/self/stat; grep -E 'SigBlk|SigIgn' /proc/self/status; echo $$")
            spec.environment = ["A": "with = and space", "PATH": "/usr/bin:/bin"]
            spec.directory = directory.path
            spec.detached = true
            let lines = try await runProcess(spec, on: TestLoops.loop).text.split(separator: "\n").map(String.init)
            try #require(lines.count == 6)
            #expect(lines[0] == "with = and space")
            #expect(lines[1] == directory.path)
            #expect(lines[2] == lines[5])
            // SIGPIPE is ignored here, not there.
            #expect(lines[3].hasSuffix("0000000000000000") && lines[4].hasSuffix("0000000000000000"))
        }
    }

    @Test("becomes another user and loses the groups")
    func user() async throws {
        guard try Requirement.need("root") else { return }
        try await bounded {
            var spec = shell("id -u; id -g; id -G")
            spec.uid = 65534
            spec.gid = 65533
            let output = try await runProcess(spec, on: TestLoops.loop)
            #expect(output.text == "65534\n65533\n65533\n")
        }
    }

    @Test("feeds a program its input and collects both outputs, up to the limit")
    func run() async throws {
        try await bounded {
            let input = [UInt8](repeating: 65, count: 500_000)
            let echoed = try await runProcess(
                shell("cat; echo done >&2; exit 3"), input: input, outputLimit: 600_000, on: TestLoops.loop)
            #expect(echoed.output == input && echoed.errorText == "done\n" && echoed.status == .exited(3))
            #expect(!echoed.isTruncated)
            let cut = try await runProcess(shell("head -c 100000 /dev/zero"), outputLimit: 10, on: TestLoops.loop)
            #expect(cut.output.count == 10 && cut.isTruncated && cut.status == .exited(0))
            let unread = try await runProcess(shell("true"), input: input, on: TestLoops.loop)
            #expect(unread.status.isSuccess)
        }
    }

    @Test("is not waited for when a descendant keeps its output open")
    func daemonising() async throws {
        try await bounded {
            let output = try await runProcess(
                shell("sleep 1000 & echo $!"), on: TestLoops.loop)
            let pid = try #require(Int32(output.text.trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(output.status.isSuccess)
            kill(pid, SIGKILL)
        }
    }

    @Test("is killed when its run is cancelled")
    func cancelRun() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("fifo")
        #expect(mkfifo(path, 0o600) == 0)
        try await bounded {
            // The write end opens when the program runs, and closes when it ends.
            let descriptor = try SystemError.check(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), "open")
            let run = spawn(on: TestLoops.loop, "run") {
                try await runProcess(
                    ProcessSpec(
                        executable: "sh", arguments: ["-c", "exec 9>\(path); echo ready >&9; exec sleep 1000"]),
                    on: TestLoops.loop)
            }
            let source = PollSource(descriptor, on: TestLoops.loop)
            try await source.readable()
            source.close()
            let line = Connection(adopting: descriptor, on: TestLoops.other)
            #expect(try await line.read() == Array("ready\n".utf8))
            run.cancel()
            await #expect(throws: CancellationError.self) { _ = try await run.value }
            #expect(try await line.read() == nil)
        }
    }

    @Test("that is not ours is watched and signalled by its pidfd")
    func watch() async throws {
        try await bounded {
            // The grandchild goes to init when the shell ends: nobody here can wait for it.
            let output = try await runProcess(
                shell("sleep 1000 >/dev/null 2>&1 & echo $!"), on: TestLoops.loop)
            let pid = try #require(Int32(output.text.trimmingCharacters(in: .whitespacesAndNewlines)))
            let watch = try ProcessWatch(pid: pid, on: TestLoops.loop)
            try watch.signal(0)
            let cancelled = spawn(on: TestLoops.other, "cancelled") { try await watch.waitForExit() }
            await Task.yield()
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            #expect(!watch.hasEnded)
            try watch.signal(SIGKILL)
            try await watch.waitForExit()
            #expect(watch.hasEnded)
            #expect(throws: SystemError.self) { _ = try ProcessWatch(pid: Int32.max, on: TestLoops.loop) }
        }
    }

    @Test("starts hundreds of others without mixing them up")
    func many() async throws {
        // The copy of a sanitizer's memory that a child needs there is slow.
        let count = Sanitizer.isThread ? 20 : 200
        let codes = try await bounded {
            let tasks = (0..<count).map { number in
                spawn(on: TestLoops.group.loops[number % 2], "child") {
                    let child = try await ChildProcess.spawn(shell("exit \(number % 100)"), on: TestLoops.loop)
                    return try await child.waitForExit()
                }
            }
            var codes: [Runtime.ExitStatus] = []
            for task in tasks { codes.append(try await task.value) }
            return codes
        }
        #expect(codes == (0..<count).map { .exited(Int32($0 % 100)) })
    }
}

@Suite("a test namespace")
struct TestNamespaceTests {
    @Test("has interfaces of its own, as root and inside a user namespace", arguments: [true, false])
    func namespace(asUser: Bool) async throws {
        guard try Requirement.need(asUser ? "userns" : "root", "ip", "unshare") else { return }
        try await bounded {
            let namespace = try await TestNamespace.make(inUserNamespace: asUser)
            try await namespace.succeed("ip", "link", "add", "d0", "type", "bridge")
            #expect(try await namespace.succeed("ip", "-o", "link").split(separator: "\n").count == 2)
            #expect(try await namespace.succeed("id", "-u") == "0\n")
            let failure = try await namespace.run("ip", "link", "show", "nothing")
            #expect(!failure.status.isSuccess && !failure.errorText.isEmpty)
            let holder = try ProcessWatch(pid: namespace.pid, on: TestLoops.loop)
            let long = try await namespace.start(["sleep", "1000"])
            try long.kill(SIGKILL)
            #expect(try await long.waitForExit() == .signaled(SIGKILL))
            return holder
        }.waitForExit()
    }
}

@Suite("signals", .serialized)
struct SignalSourceTests {
    @Test("arrive in a channel, which ends when the source closes")
    func arrive() async throws {
        try await bounded {
            let source = try await SignalSource([SIGUSR1, SIGUSR2], on: TestLoops.loop)
            kill(getpid(), SIGUSR1)
            #expect(try await source.signals.receive() == SIGUSR1)
            kill(getpid(), SIGUSR2)
            #expect(try await source.signals.receive() == SIGUSR2)
            source.close()
            #expect(try await source.signals.receive() == nil)
            await #expect(throws: UVError.self) { _ = try await SignalSource([SIGKILL], on: TestLoops.loop) }
        }
    }

    @Test("of one kind that nobody receives come as one, and don't crowd out another")
    func manyOfOneKind() async throws {
        try await bounded {
            let source = try await SignalSource([SIGUSR1, SIGUSR2], on: TestLoops.loop)
            let witness = try await SignalSource([SIGUSR2], on: TestLoops.loop)
            Self.raiseHere([CInt](repeating: SIGUSR1, count: 100) + [SIGUSR2])
            // libuv hands them on in their order: when this one comes, the others have.
            #expect(try await witness.signals.receive() == SIGUSR2)
            #expect(try await source.signals.receive() == SIGUSR1)
            #expect(try await source.signals.receive() == SIGUSR2)
            #expect(source.signals.count == 0)
            withExtendedLifetime((source, witness)) {}
        }
    }

    /// Signals for this thread, each taken before the next; whoever made the thread may have had them blocked.
    private static func raiseHere(_ numbers: [CInt]) {
        var (wanted, before) = (sigset_t(), sigset_t())
        sigemptyset(&wanted)
        for number in numbers { sigaddset(&wanted, number) }
        pthread_sigmask(SIG_UNBLOCK, &wanted, &before)
        for number in numbers { raise(number) }
        pthread_sigmask(SIG_SETMASK, &before, nil)
    }
}
