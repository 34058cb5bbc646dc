import HTTP
import Runtime
import TestSupport
import Testing

@Suite("who reads a request's body")
struct BodyReaderTests {
    @Test("is one task: a second one is turned away, and the first is not disturbed")
    func second() async throws {
        let wanted = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .streaming { request, body in
                let errors = Recorder<UVError>()
                let readers = (0..<2).map { _ in
                    spawn(on: request.context.loop, "reader") {
                        do {
                            return try await body.read()?.count
                        } catch let error as UVError {
                            errors.add(error)
                            return nil
                        }
                    }
                }
                #expect(try await errors.wait(for: 1).map(\.isBusy) == [true])
                wanted.open()
                let (one, other) = (try await readers[0].value, try await readers[1].value)
                return .text("\(one ?? other ?? 0)\n")
            }
        }
        try await check(wanted, handler)
    }

    @Test("may be another once a deadline has ended the first, also from another loop")
    func afterDeadline() async throws {
        let wanted = Gate()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { _, _ in
            .streaming { request, body in
                await #expect(throws: DeadlineError.self) {
                    try await withDeadline(.milliseconds(50), on: TestLoops.other, "a piece") { try await body.read() }
                }
                let next = spawn(on: request.context.loop, "next") { try await body.read() }
                wanted.open()
                let bytes = try await next.value
                return .text("\(bytes?.count ?? 0)\n")
            }
        }
        try await check(wanted, handler)
    }

    /// Sends a request whose body follows once it is wanted; the answer has to tell its length.
    private func check(
        _ wanted: Gate, _ handler: @escaping @Sendable (borrowing RequestView, ConnectionContext) -> Answer
    ) async throws {
        try await withServer(handler: handler) { _, address in
            let peer = try await Peer(address)
            try await peer.send(post("Content-Length: 5", ""))
            try await wanted.pass()
            try await peer.send("hello")
            #expect(try await peer.receive("\r\n\r\n5\n").hasPrefix("HTTP/1.1 200"))
        }
    }
}
