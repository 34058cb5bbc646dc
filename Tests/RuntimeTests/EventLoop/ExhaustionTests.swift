import CLinux
import Glibc
import Runtime
import TestSupport
import Testing

/// What processes of their own do that run out of something.
private enum Scarcity {
    /// Lets the process open `count` more descriptors at most.
    static func leave(descriptors count: Int) throws {
        let lowest = try SystemError.check(open("/dev/null", O_RDONLY | O_CLOEXEC), "open")
        cl_close(lowest)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = rlim_t(Int(lowest) + count)
        try SystemError.check(
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? 0 : -errno, "setrlimit")
    }

    /// Lets the process open as many as it may.
    static func end() {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Lets the process have no further thread: no address space for its stack.
    static func leaveNoStack() throws {
        let pages = try String(contentsOfFile: "/proc/self/statm").split(separator: " ").first.flatMap { Int($0) } ?? 0
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        limit.rlim_cur = rlim_t(pages * 4096 + (4 << 20))
        try SystemError.check(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 ? 0 : -errno, "setrlimit")
    }
}

extension String {
    /// A small file of /proc.
    fileprivate init(contentsOfFile path: String) throws {
        let file = FileDescriptor(owning: try SystemError.check(open(path, O_RDONLY | O_CLOEXEC), path))
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = try SystemError.check(cl_read(file.number, &bytes, bytes.count), path)
        self.init(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

@Suite("a process without descriptors or memory", .disabled(if: Sanitizer.isPresent, "exit tests fork"))
struct ExhaustionTests {
    @Test("accepts what it can, pauses, resets the others after a second, and goes on once it has descriptors again")
    func descriptors() async {
        await #expect(processExitsWith: .success) {
            let time = ManualLoopTime()
            let loop = try EventLoopGroup(loops: 1, label: "scarce", time: time).loops[0]
            let (socket, address) = try Sockets.listening()
            var peers: [Connection] = []
            for _ in 0..<20 { peers.append(try await Connection.connect(to: address, on: TestLoops.loop)) }
            // One is the reserve; others in this process may take some.
            try Scarcity.leave(descriptors: 12)
            let accepted = Recorder<CInt>()
            let attempts = Locked(0)
            let listener = Locked<Listener?>(nil)
            loop.execute {
                let made = try? Listener(
                    adopting: socket, on: loop,
                    accepting: { socket in
                        attempts.withLock { $0 += 1 }
                        return cl_accept4(socket)
                    }, onAccept: { accepted.add($0) })
                listener.withLock { $0 = made }
            }
            try await bounded { try await time.waitForTimers() }
            let first = accepted.values
            let waiting = 20 - first.count
            precondition(waiting > 8 && loop.counters.acceptPauses == 1)
            for _ in 0..<10 {
                try await bounded { try await time.waitForTimers() }
                precondition(loop.counters.refusedConnections == 0)
                await time.advance(by: .milliseconds(100))
            }
            // The eleventh pause in a row: whoever still waits is reset, and the others are not.
            try await bounded { try await time.waitForTimers() }
            precondition(accepted.values == first && loop.counters.refusedConnections == waiting)
            precondition(loop.counters.acceptPauses == 11)
            // Each pause cost one attempt, each reset another.
            precondition(attempts.withLock { $0 } <= 20 + 11 + 2)
            for (index, peer) in peers.enumerated() where index >= first.count {
                let failure = await #expect(throws: UVError.self) { try await bounded { try await peer.read() } }
                precondition(failure?.isReset == true)
            }

            Scarcity.end()
            let late = try await Connection.connect(to: address, on: TestLoops.loop)
            await time.advance(by: .milliseconds(100))
            let served = try await bounded { try await accepted.wait(for: first.count + 1) }
            for descriptor in served { cl_close(descriptor) }
            let end = try await bounded { try await late.read() }
            precondition(end == nil)
            exit(0)
        }
    }

    @Test("gets an error where it asks for a loop, and a loop once it has descriptors again")
    func loops() async {
        await #expect(processExitsWith: .success) {
            _ = TestLoops.loop
            for spare in 0...12 {
                try Scarcity.leave(descriptors: spare)
                let none = #expect(throws: UVError.self) { try EventLoopGroup(loops: 3, label: "none") }
                Scarcity.end()
                precondition(none != nil)
            }
            let group = try EventLoopGroup(loops: 3, label: "some")
            try await bounded { try await group.loops[2].sleep(for: .milliseconds(1)) }
            await group.shutdown()
            exit(0)
        }
    }

    @Test("gets an error where it asks for a thread, and ends nothing by that")
    func threads() async {
        await #expect(processExitsWith: .success) {
            _ = TestLoops.loop
            try Scarcity.leaveNoStack()
            let pool = BlockingPool(threads: 2)
            let refused = await #expect(throws: SystemError.self) { try await pool.run { 1 } }
            precondition(refused != nil)
            let noGroup = #expect(throws: SystemError.self) { try EventLoopGroup(loops: 1, label: "none") }
            precondition(noGroup != nil)
            exit(0)
        }
    }
}
