import TLS
import Testing

@Suite("records on the wire")
struct RecordTests {
    private func open() throws -> Wire {
        let wire = try Wire(try clientContext(), try serverContext())
        wire.run()
        return wire
    }

    @Test("no changed byte of a record gets through")
    func changed() throws {
        var position = 0
        var length = 1
        while position < length {
            let wire = try open()
            try wire.client.write("attack at dawn")
            var record = wire.client.engine.takeOutput()
            length = record.count
            record[position] ^= 0x01
            wire.server.receive(record)
            if wire.server.failure == nil { _ = wire.server.engine.endOfInput().map { wire.server.failure = $0 } }
            #expect(wire.server.received.isEmpty && wire.server.failure != nil, "byte \(position)")
            position += 1
        }
        #expect(length > 30)
    }

    @Test("a record that does not decrypt ends the connection for good, and the peer is told")
    func broken() throws {
        let wire = try open()
        try wire.client.write("hello")
        var record = wire.client.engine.takeOutput()
        record[record.count - 1] ^= 0x80
        wire.server.receive(record)
        #expect(wire.server.failure?.code == .brokenRecord)
        wire.run()
        #expect(wire.client.failure?.code == .refusedByPeer && wire.client.failure?.alert == 20)
        #expect(throws: TLSError.self) { try wire.server.write("more") }
        wire.server.receive([1, 2, 3])
        #expect(!wire.server.engine.hasInput)
    }

    @Test("a record that comes twice, or out of turn, is refused")
    func replayed() throws {
        let twice = try open()
        try twice.client.write("pay")
        let record = twice.client.engine.takeOutput()
        twice.server.receive(record)
        twice.server.receive(record)
        #expect(twice.server.text == "pay" && twice.server.failure?.code == .brokenRecord)
        let swapped = try open()
        try swapped.client.write("one")
        let first = swapped.client.engine.takeOutput()
        try swapped.client.write("two")
        swapped.server.receive(swapped.client.engine.takeOutput())
        swapped.server.receive(first)
        #expect(swapped.server.received.isEmpty && swapped.server.failure?.code == .brokenRecord)
    }

    @Test("a record cut anywhere, and then the end, is a truncation")
    func cut() throws {
        let length = try {
            let wire = try open()
            try wire.client.write("whole")
            return wire.client.engine.takeOutput().count
        }()
        for kept in 0..<length {
            let wire = try open()
            try wire.client.write("whole")
            wire.server.receive(Array(wire.client.engine.takeOutput().prefix(kept)))
            #expect(wire.server.engine.endOfInput()?.code == .truncated && wire.server.received.isEmpty)
        }
    }

    @Test("a handshake cut anywhere, and then the end, is a truncation")
    func cutHandshake() throws {
        let (client, server) = (try clientContext(), try serverContext())
        let hello = try Wire(client, server)
        hello.client.advance()
        let bytes = hello.client.engine.takeOutput()
        for kept in stride(from: 0, to: bytes.count, by: 7) {
            let side = Side(try TLSEngine(server: server))
            side.receive(Array(bytes.prefix(kept)))
            #expect(side.failure == nil && side.engine.endOfInput()?.code == .truncated)
        }
    }

    @Test("what is no TLS is told from it: HTTP, noise, nothing")
    func noTLS() throws {
        let server = try serverContext()
        let plain = Side(try TLSEngine(server: server))
        plain.receive(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect(plain.failure?.code == .notTLS && plain.failure?.message.contains("plain HTTP") == true)
        let noise = Side(try TLSEngine(server: server))
        noise.receive([UInt8](repeating: 0x5a, count: 100))
        #expect(noise.failure?.code == .notTLS)
        let client = try Wire(try clientContext(), server).client
        client.advance()
        client.receive(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        #expect(client.failure?.code == .notTLS)
    }

    @Test("a close_notify during the handshake, which anybody can make up, is a failure and no end")
    func madeUpEnd() throws {
        let closeNotify: [UInt8] = [0x15, 3, 3, 0, 2, 1, 0]
        let server = Side(try TLSEngine(server: try serverContext()))
        server.receive(closeNotify)
        #expect(server.failure != nil && !server.isEnded)
        let client = try Wire(try clientContext(), try serverContext()).client
        client.advance()
        client.receive(closeNotify)
        #expect(client.failure?.code == .truncated && !client.isEnded)
        let wire = try open()
        wire.client.receive(closeNotify)
        #expect(wire.client.failure != nil && !wire.client.isEnded)
    }

    @Test("bytes behind close_notify are dropped")
    func behindTheEnd() throws {
        let wire = try open()
        try wire.client.write("last")
        wire.client.engine.close()
        let bytes = wire.client.engine.takeOutput()
        wire.server.receive(bytes + [0x17, 3, 3, 0, 1, 0])
        #expect(wire.server.text == "last" && wire.server.isEnded && wire.server.failure == nil)
        #expect(!wire.server.engine.hasInput)
    }
}
