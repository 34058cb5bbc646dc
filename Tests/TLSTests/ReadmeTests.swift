import Foundation
import Runtime
import TLS
import TestSupport
import Testing

// README begin
/// Sends back what it gets, until the peer says that this was all.
func echo(_ connection: TLSConnection) async throws {
    while let bytes = try await connection.read() { try await connection.write(bytes) }
    try await connection.shutdownWrite()
}

func listen(with context: TLSServerContext, isolation: isolated LoopActor) throws -> SocketAddress? {
    let loop = isolation.loop
    let descriptor = try Listener.socket(on: .ipv4(host: "127.0.0.1", port: 0))
    let listener = try Listener(adopting: descriptor, on: loop) { accepted in
        spawn(on: loop, "echo") { try await echo(TLSConnection.accept(accepted, on: loop, with: context)) }
    }
    return listener.address
}

func program() async throws -> String {
    let group = try EventLoopGroup(loops: 1, label: "tls")
    let loop = group.loops[0]
    let identity = try Identity.selfSigned(for: ["localhost"])
    let server = try TLSServerContext(TLSServerConfiguration(identities: [identity]))
    let client = try TLSClientContext(TLSClientConfiguration(trust: TrustRoots([identity.certificate])))

    let answer = try await spawn(on: loop, "client") {
        guard let address = try await listen(with: server, isolation: loop.actor) else { return "" }
        let connection = try await TLSConnection.connect(
            to: address, name: ServerName("localhost"), on: loop, with: client)
        try await connection.write(Array("hello".utf8))
        try await connection.shutdownWrite()
        var bytes: [UInt8] = []
        while let more = try await connection.read() { bytes += more }
        return "\(connection.info.version): \(String(decoding: bytes, as: UTF8.self))"
    }.value
    await group.shutdown()
    return answer
}
// README end

@Suite("the README's program")
struct ReadmeTests {
    @Test("the README shows the program that is tested here")
    func sameText() throws {
        let here = try String(contentsOfFile: #filePath, encoding: .utf8)
        let shown = here.split(separator: "// README begin\n")[1].split(separator: "// README end")[0]
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/TLS/README.md")
        let readme = try String(contentsOf: root.standardizedFileURL, encoding: .utf8)
        #expect(readme.contains(shown))
    }

    @Test("it sends and gets back, as its reader expects")
    func run() async throws { #expect(try await program() == "tls13: hello") }
}
