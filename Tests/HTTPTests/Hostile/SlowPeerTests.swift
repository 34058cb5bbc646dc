import Foundation
import Glibc
import HTTP
import Runtime
import TestSupport
import Testing

@Suite("peers that mean no good, beside an honest one")
struct SlowPeerTests {
    private static let head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n"
    private static let chunked = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test("heads and bodies that come byte by byte are answered 408 when their time is over")
    func trickle() async throws {
        try await Siege.run {
            $0.headTimeout = .seconds(2)
            $0.bodyTimeout = .seconds(2)
        } attack: { siege in
            let long = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n"
            let starts = ["G", "GET /", long, Self.chunked + "fff\r\n"]
            let peers = try (0..<200).map { _ in try siege.connect() }
            for (index, peer) in peers.enumerated() { peer.send(starts[index % starts.count]) }
            // Read as they come: two seconds after its answer a peer that goes on is cut, and a reset destroys what it
            // has not read.
            var answers = [[UInt8]](repeating: [], count: peers.count)
            while answers.contains([]) {
                for (index, peer) in peers.enumerated() where answers[index].isEmpty {
                    peer.send("a")
                    answers[index] = peer.receiveAvailable()
                }
                try await siege.group.loops[1].sleep(for: .milliseconds(50))
            }
            for answer in answers { #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 408 ")) }
            #expect(await siege.server.counters.timeouts >= peers.count)
        }
    }

    @Test("peers that never read are cut, and what waits for them is bounded")
    func neverReading() async throws {
        try await Siege.run {
            $0.writeTimeout = .seconds(1)
            $0.idleTimeout = .seconds(1)
        } attack: { siege in
            let before = residentBytes()
            let requests = ["/large", "/stream", "/wait", "/"]
            let peers = try (0..<40).map { _ in try siege.connect(receiveBuffer: 4096) }
            for (index, peer) in peers.enumerated() {
                // Each a pipeline as long as the server reads ahead, and no byte of the answers is taken.
                setNonblocking(peer.descriptor)
                let path = requests[index % requests.count]
                peer.send(String(repeating: get(path), count: path == "/" ? 20_000 : 50))
            }
            try await siege.waitUntilAccepted()
            var most = 0
            while await siege.server.counters.connections > 11 {
                most = max(most, residentBytes())
                try await siege.group.loops[1].sleep(for: .milliseconds(20))
            }
            // One large answer each; the fifty that are asked for would be 2 GB.
            if !Sanitizer.isPresent { #expect(most - before < 400_000_000) }
            for peer in peers { peer.resetOnClose() }
        }
    }

    @Test("a peer that ends its half anywhere in a request gets the answer it has asked for, if any, and the end")
    func halfClosed() async throws {
        try await Siege.run {
            $0.halfCloseGrace = .seconds(1)
        } attack: { siege in
            for request in [Self.head + "hello, world", Self.chunked + "c;x\r\nhello, world\r\n0\r\nT: y\r\n\r\n"] {
                let bytes = Array(request.utf8)
                for count in 0...bytes.count {
                    let peer = try siege.connect()
                    peer.send(Array(bytes[..<count]))
                    peer.shutdownWrite()
                    let answer = String(decoding: peer.receiveToEnd(), as: UTF8.self)
                    #expect(count < bytes.count ? answer == "" : answer.hasSuffix("\r\n\r\n12"), "\(count)")
                }
            }
            let waiting = try siege.connect()
            waiting.send(get("/wait"))
            waiting.shutdownWrite()
            waiting.discardToEnd()
            // An answer without end goes on as long as somebody takes it.
            let reading = try siege.connect()
            reading.send(get("/stream"))
            reading.shutdownWrite()
            for _ in 0..<100 { #expect(reading.receive()?.isEmpty == false) }
            reading.resetOnClose()
        }
    }

    @Test("a reset in any state leaves nothing")
    func reset() async throws {
        try await Siege.run { siege in
            var states = ["", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"]
            for request in [get("/"), Self.head + "hello, world", Self.chunked + "c\r\nhello, world\r\n0\r\n\r\n"] {
                for count in 1...request.utf8.count {
                    states.append(String(decoding: request.utf8.prefix(count), as: UTF8.self))
                }
            }
            for path in ["/wait", "/stream", "/large", "/upgrade"] {
                let fields = path == "/upgrade" ? "Connection: upgrade\r\nUpgrade: echo\r\n" : ""
                for pipelined in [1, 2, 100] { states.append(String(repeating: get(path, fields), count: pipelined)) }
            }
            // At once, and after the server has come into the state.
            for waits in [false, true] {
                let peers = try states.map { _ in try siege.connect() }
                for (peer, state) in zip(peers, states) {
                    peer.send(state)
                    peer.resetOnClose()
                }
                if waits { await siege.letRead() }
            }
            let counters = await siege.server.counters
            #expect(counters.accepted >= states.count)
        }
    }

    @Test("a peer that is dead without having said so is noticed, and what waits for it cancelled")
    func dead() async throws {
        try await Siege.run {
            $0.deadPeerTimeout = .seconds(4)
        } attack: { siege in
            let peers = try (0..<10).map { _ in try siege.connect() }
            for peer in peers { peer.send(get("/wait")) }
            while siege.running.value < peers.count { await siege.letRead() }
            for peer in peers { try #require(dropEverything(peer.descriptor)) }
            try await siege.waitUntil("the dead are noticed") { $0.connections <= 1 }
            withExtendedLifetime(peers) {}
        }
    }
}

/// A socket whose sends don't wait.
private func setNonblocking(_ descriptor: CInt) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
}

/// Has the kernel drop whatever arrives for the socket, acknowledgements included: for its peer it has lost power.
private func dropEverything(_ descriptor: CInt) -> Bool {
    // `struct sock_filter` and `struct sock_fprog` of linux/filter.h: one instruction, "return 0".
    struct Instruction: BitwiseCopyable {
        var code: UInt16 = 0x06
        var jumps: UInt16 = 0
        var value: UInt32 = 0
    }
    struct Program: BitwiseCopyable {
        var count: UInt16 = 1
        var instructions: UInt
    }
    let attachFilter: CInt = 26
    var instruction = Instruction()
    return withUnsafeMutablePointer(to: &instruction) { pointer in
        var program = Program(instructions: UInt(bitPattern: pointer))
        return setsockopt(descriptor, SOL_SOCKET, attachFilter, &program, socklen_t(MemoryLayout<Program>.size)) == 0
    }
}
