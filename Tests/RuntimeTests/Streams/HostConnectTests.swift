import CLinux
import Glibc
import Runtime
import TestSupport
import Testing

/// Answers when the test says so.
private final class ScriptedResolver: AddressResolver {
    let six = OneShot<[SocketAddress]>()
    let four = OneShot<[SocketAddress]>()
    let asked = Recorder<AddressFamily>()

    init(six: [SocketAddress]? = nil, four: [SocketAddress]? = nil) {
        if let six { self.six.resolve(.success(six)) }
        if let four { self.four.resolve(.success(four)) }
    }

    func addresses(of host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress] {
        asked.add(family)
        return try await (family == .ipv6 ? six : four).wait()
    }
}

/// A port of the loopback where connecting neither succeeds nor fails: its queue is full, and the kernel drops what comes.
private final class BlackHole: Sendable {
    let address: SocketAddress
    private let listener: FileDescriptor
    private let fillers: [FileDescriptor]

    init(_ template: SocketAddress) throws {
        listener = FileDescriptor(owning: try Listener.socket(on: template, backlog: 0))
        guard let address = try SocketAddress.local(of: listener.number) else {
            throw SystemError(errno: EINVAL, operation: "getsockname")
        }
        self.address = address
        // A queue of length 0 takes one; the others only ever wait.
        var fillers: [FileDescriptor] = []
        for _ in 0..<3 {
            let descriptor = cl_socket(template.isSix ? AF_INET6 : AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            fillers.append(FileDescriptor(owning: try SystemError.check(descriptor, "socket")))
            var native = cl_address()
            if case .ipv6(let host, _, _) = address { cl_address_ipv6(host, address.port ?? 0, 0, &native) }
            if case .ipv4(let host, _) = address { cl_address_ipv4(host, address.port ?? 0, &native) }
            cl_connect(descriptor, &native)
        }
        self.fillers = fillers
    }
}

extension SocketAddress {
    fileprivate var isSix: Bool { if case .ipv6 = self { true } else { false } }
}

@Suite("connecting to a host")
struct HostConnectTests {
    private static let any6 = SocketAddress.ipv6(host: "::1", port: 0)
    private static let any4 = SocketAddress.ipv4(host: "127.0.0.1", port: 0)

    /// A listening socket that accepts by its queue, and where.
    private static func server(_ template: SocketAddress) throws -> (FileDescriptor, SocketAddress) {
        let listener = FileDescriptor(owning: try Listener.socket(on: template))
        guard let address = try SocketAddress.local(of: listener.number) else {
            throw SystemError(errno: EINVAL, operation: "getsockname")
        }
        return (listener, address)
    }

    /// An address where nobody listens: a port that was just free.
    private static func refusing(_ template: SocketAddress) throws -> SocketAddress { try server(template).1 }

    /// Who was connected to, accepted from the queue; nil if nobody was.
    private static func accepted(_ listener: FileDescriptor) -> Bool {
        let descriptor = cl_accept4(listener.number)
        if descriptor >= 0 { cl_close(descriptor) }
        return descriptor >= 0
    }

    private func withStillLoop<T: Sendable>(
        _ body: @escaping @Sendable (EventLoop, ManualLoopTime) async throws -> T
    ) async throws -> T {
        let time = ManualLoopTime()
        let group = try EventLoopGroup(loops: 1, label: "eyes", time: time)
        do {
            let result = try await bounded { try await body(group.loops[0], time) }
            await group.shutdown()
            return result
        } catch {
            await group.shutdown()
            throw error
        }
    }

    private static func connecting(
        _ resolver: ScriptedResolver, on loop: EventLoop, timeout: Duration = .seconds(10)
    ) -> Task<Connection, any Error> {
        spawn(on: loop, "connect") {
            try await Connection.connect(
                toHost: "host.test", port: 1, on: loop, timeout: timeout, resolver: resolver)
        }
    }

    @Test("tries all addresses alternately, IPv6 first, each as soon as the one before has failed")
    func order() async throws {
        let six = try (0..<2).map { _ in try Self.refusing(Self.any6) }
        let four = try (0..<4).map { _ in try Self.refusing(Self.any4) }
        let resolver = ScriptedResolver(six: six, four: four)
        try await withStillLoop { loop, time in
            // No time passes: only failures lead on.
            let error = await #expect(throws: HostConnectError.self) {
                try await Self.connecting(resolver, on: loop).value
            }
            let tried = [six[0], four[0], six[1], four[1], four[2], four[3]]
            #expect(error?.causes.map { "\($0)" } == tried.map { "connect to \($0): connection refused" })
            #expect(error?.target == "host.test:1")
        }
        #expect(Set(resolver.asked.values) == [.ipv6, .ipv4])
    }

    @Test("starts the next attempt 250 ms after one that hangs, not before")
    func delay() async throws {
        let hole = try BlackHole(Self.any6)
        let (listener, address) = try Self.server(Self.any4)
        try await withStillLoop { loop, time in
            let resolver = ScriptedResolver(six: [hole.address], four: [address])
            let connecting = Self.connecting(resolver, on: loop)
            // The timeout and the delay.
            try await time.waitForTimers(2)
            await time.advance(by: .milliseconds(249))
            #expect(!Self.accepted(listener))
            await time.advance(by: .milliseconds(1))
            let connection = try await connecting.value
            #expect(Self.accepted(listener))
            withExtendedLifetime(connection) {}
        }
        withExtendedLifetime(hole) {}
    }

    @Test("closes what has lost", .disabled(if: Sanitizer.isPresent, "exit tests fork"))
    func losers() async {
        // In a process of its own nobody else opens or closes anything.
        await #expect(processExitsWith: .success) {
            func openDescriptors() -> Int { (0..<1024).count { fcntl(CInt($0), F_GETFD) >= 0 } }
            let hole = try BlackHole(.ipv6(host: "::1", port: 0))
            let (listener, address) = try Self.server(.ipv4(host: "127.0.0.1", port: 0))
            let time = ManualLoopTime()
            let loop = try EventLoopGroup(loops: 1, label: "losers", time: time).loops[0]
            // libuv opens a descriptor of its own with a loop's first stream, which is there after one turn.
            let first = try await Connection.connect(to: address, on: loop)
            try await loop.sleep(for: .zero)
            let before = openDescriptors()
            let connecting = Self.connecting(
                ScriptedResolver(six: [hole.address], four: [address]), on: loop)
            try await time.waitForTimers(2)
            await time.advance(by: .milliseconds(249))
            precondition(openDescriptors() == before + 1)
            await time.advance(by: .milliseconds(1))
            let connection = try await connecting.value
            precondition(openDescriptors() == before + 1)
            withExtendedLifetime((first, connection, listener, hole)) { exit(0) }
        }
    }

    @Test("gives up at its timeout when all attempts hang")
    func late() async throws {
        let holes = try [BlackHole(Self.any6), BlackHole(Self.any4)]
        try await withStillLoop { loop, time in
            let resolver = ScriptedResolver(six: [holes[0].address], four: [holes[1].address])
            let connecting = Self.connecting(resolver, on: loop, timeout: .seconds(3))
            try await time.waitForTimers(2)
            await time.advance(by: .milliseconds(2999))
            await time.advance(by: .milliseconds(1))
            let error = await #expect(throws: DeadlineError.self) { try await connecting.value }
            #expect(error?.what == "connect to host.test:1")
        }
    }

    @Test("waits 50 ms for IPv6 addresses when IPv4's come first, and no longer")
    func resolutionDelay() async throws {
        let (four, fourAddress) = try Self.server(Self.any4)
        let (six, sixAddress) = try Self.server(Self.any6)
        try await withStillLoop { loop, time in
            // They come in time.
            let prompt = ScriptedResolver(four: [fourAddress])
            let first = Self.connecting(prompt, on: loop)
            try await time.waitForTimers(2)
            await time.advance(by: .milliseconds(49))
            prompt.six.resolve(.success([sixAddress]))
            _ = try await first.value
            #expect(Self.accepted(six) && !Self.accepted(four))
            // They don't.
            let slow = ScriptedResolver(four: [fourAddress])
            let second = Self.connecting(slow, on: loop)
            try await time.waitForTimers(2)
            await time.advance(by: .milliseconds(50))
            _ = try await second.value
            #expect(Self.accepted(four) && !Self.accepted(six))
            // It is known that there are none.
            let third = Self.connecting(ScriptedResolver(six: [], four: [fourAddress]), on: loop)
            _ = try await third.value
            #expect(Self.accepted(four))
        }
    }

    @Test("begins with IPv6 while IPv4 is still being looked up, and takes what comes later")
    func lateAddresses() async throws {
        let hole = try BlackHole(Self.any6)
        let (listener, address) = try Self.server(Self.any4)
        try await withStillLoop { loop, time in
            let resolver = ScriptedResolver(six: [hole.address])
            let connecting = Self.connecting(resolver, on: loop)
            try await time.waitForTimers(2)
            await time.advance(by: .milliseconds(250))
            #expect(!Self.accepted(listener))
            resolver.four.resolve(.success([address]))
            _ = try await connecting.value
            #expect(Self.accepted(listener))
        }
        withExtendedLifetime(hole) {}
    }

    @Test("is cancelled at once, during the look-up and during attempts")
    func cancellation() async throws {
        let hole = try BlackHole(Self.any6)
        try await withStillLoop { loop, time in
            let looking = ScriptedResolver()
            let first = Self.connecting(looking, on: loop)
            _ = try await looking.asked.wait(for: 2)
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            let second = Self.connecting(ScriptedResolver(six: [hole.address], four: []), on: loop)
            try await time.waitForTimers(2)
            second.cancel()
            await #expect(throws: CancellationError.self) { try await second.value }
        }
        withExtendedLifetime(hole) {}
    }

    @Test("says why a name can't be connected to, and when there is no address at all")
    func failures() async throws {
        try await bounded {
            let failing = ScriptedResolver(four: [])
            failing.six.resolve(.failure(ResolutionError(host: "host.test", code: -3)))
            let error = await #expect(throws: HostConnectError.self) {
                try await Self.connecting(failing, on: TestLoops.loop).value
            }
            #expect((error?.causes.first as? ResolutionError)?.isTemporary == true)
            let none = await #expect(throws: HostConnectError.self) {
                try await Self.connecting(ScriptedResolver(six: [], four: []), on: TestLoops.loop).value
            }
            #expect(none?.description == "connect to host.test:1: the name has no address")
        }
    }

    @Test("takes an address as it is, without asking anybody")
    func literals() async throws {
        for (template, text) in [(Self.any6, "::1"), (Self.any4, "127.0.0.1")] {
            let (listener, address) = try Self.server(template)
            let resolver = ScriptedResolver()
            try await bounded {
                _ = try await Connection.connect(
                    toHost: text, port: address.port ?? 0, on: TestLoops.loop, resolver: resolver)
            }
            #expect(Self.accepted(listener) && resolver.asked.values.isEmpty)
        }
    }
}
