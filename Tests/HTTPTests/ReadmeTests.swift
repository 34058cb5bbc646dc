import Foundation
import HTTP
import Runtime
import TestSupport
import Testing

// README begin
/// Follows a watch, one JSON text a line, and sends what it sees elsewhere, piece by piece.
func copyWatch(from source: Client, to target: Client) async throws -> Int {
    let watch = try await source.send(ClientRequest(path: "/watch"), timeout: .seconds(10))
    guard watch.status == 200 else { throw ClientError(.badAnswer, "no watch: \(watch.status)") }
    var upload = ClientRequest(method: "PUT", path: "/copy")
    upload.stream = RequestStream { writer in
        for try await line in watch.body.lines(maxLength: 64 * 1024) { try await writer.write(line) }
    }
    return try await target.send(upload).status
}
// README end

@Suite("the README's programs")
struct ReadmeTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path).standardizedFileURL, encoding: .utf8)
    }

    @Test("the README shows the example program, and the function that is tested here")
    func sameText() throws {
        let readme = try Self.text("Sources/HTTP/README.md")
        let program = try Self.text("Examples/http-hello/HTTPHello.swift")
        #expect(readme.contains("```swift\n" + program + "```"))
        let here = try String(contentsOfFile: #filePath, encoding: .utf8)
        let shown = here.split(separator: "// README begin\n")[1].split(separator: "// README end")[0]
        #expect(readme.contains("```swift\n" + shown + "```"))
    }

    @Test("the function copies a watch, line by line")
    func copying() async throws {
        let copied = Recorder<String>()
        let handler: @Sendable (borrowing RequestView, ConnectionContext) -> Answer = { request, _ in
            guard request.pathIs("/watch") else {
                return .streaming { _, body in
                    copied.add(String(decoding: try await body.collect(limit: 100), as: UTF8.self))
                    return Response(status: 201)
                }
            }
            let lines = Response.Body.stream { writer in
                for piece in ["{\"a\"", ":1}\n{\"b\":2}\n", "{}\n"] { try await writer.write(piece) }
            }
            return .respond(Response(status: 200, body: lines))
        }
        try await withServer(handler: handler) { _, address in
            let client = Client(address: address, on: TestLoops.other)
            let status = try await copyWatch(from: client, to: client)
            #expect(status == 201)
            client.close()
        }
        #expect(copied.values == ["{\"a\":1}{\"b\":2}{}"])
    }
}
