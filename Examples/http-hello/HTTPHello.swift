import Glibc
import HTTP
import Runtime

/// A greeting that can be read, replaced, and waited for.
// SAFETY: what changes is used on the server's loop alone, as the isolated parameters say.
final class Greeting: @unchecked Sendable {
    private let topic: HoldTopic
    private var current = TaggedResponse(body: Array("hello\n".utf8))

    init(on loop: EventLoop) { topic = HoldTopic(on: loop) }

    var router: Router {
        Router([
            // 304 for whoever has it already; nothing is allocated.
            .get("/greeting") { request, _, _, _ in self.current.answer(to: request) },
            // Answered when the greeting changes, after half a minute, or when the server stops. No task waits.
            .get("/greeting/next") { _, _, _, _ in
                .hold(Hold(on: self.topic, for: .seconds(30)) { _ in .prepared(self.current.response) })
            },
            // A body of known size at most, collected before the task begins.
            .put("/greeting") { _, _, context, _ in
                .task { request in
                    await self.replace(request.body, isolation: context.loop.actor)
                    return Response(status: 204)
                }
            },
            // A body of any size, piece by piece: what is not read yet stays with the sender.
            .post("/count") { _, _, _, _ in
                .streaming { _, body in
                    var count = 0
                    while let piece = try await body.read() { count += piece.count }
                    return .text("\(count)\n")
                }
            },
            .get("/hello/{name}") { request, parameters, _, _ in
                .respond(.text("hello, \(parameters.text(0, of: request))\n"))
            },
        ])
    }

    private func replace(_ text: [UInt8], isolation: isolated LoopActor) {
        current = TaggedResponse(body: text)
        topic.change()
    }
}

@main
struct HTTPHello {
    static func main() async throws {
        let port = CommandLine.arguments.dropFirst().first.flatMap { UInt16($0) } ?? 8080
        let group = try EventLoopGroup(loops: 1, label: "http")
        let loop = group.loops[0]
        let server = Server(loop: loop, handler: Greeting(on: loop).router)
        let address = try await server.listen(on: .ipv4(host: "127.0.0.1", port: port))
        print("http://\(address)")
        fflush(nil)

        let source = try await SignalSource([SIGINT, SIGTERM], on: loop)
        _ = try await source.signals.receive()
        source.close()
        await server.stop(within: .seconds(5))
        await group.shutdown()
    }
}
