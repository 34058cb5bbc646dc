import Foundation
import HTTP
import HTTPTypes
import Runtime
import TestSupport
import Testing

/// A server whose answers say what its handler saw, as the ones that `scripts/differential` runs do.
struct WitnessServer: Sendable {
    let server: Server
    let address: SocketAddress
    private let directory: TemporaryDirectory

    /// Sent behind each request: whether it is answered shows what became of the connection.
    static let probe = Array("GET /probe HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n".utf8)

    /// Starts one on a unix socket: its limits are the defaults.
    static func start() async throws -> WitnessServer {
        var configuration = ServerConfiguration()
        configuration.sendsDate = false
        configuration.halfCloseGrace = .seconds(600)
        configuration.headTimeout = .seconds(600)
        let server = Server(loop: hostileLoops[0], configuration: configuration, handler: TestHandler(answer))
        let directory = try TemporaryDirectory("witness")
        let address = try await server.listen(on: .unix(path: directory.file("http.sock")))
        return WitnessServer(server: server, address: address, directory: directory)
    }

    @Sendable
    private static func answer(_ request: borrowing RequestView, _ context: ConnectionContext) -> Answer {
        var target = request.path.withUnsafeBufferPointer { Array($0) }
        // Whom the request is for, where Host does not say it: of an absolute target its authority.
        if let authority = request.authorityText, authority != request.fieldText("host") {
            target = Array("//\(authority)".utf8) + target
        }
        if let query = request.query { target += [0x3f] + query.withUnsafeBufferPointer { Array($0) } }
        let seen = "\(shortened(request.methodBytes.withUnsafeBufferPointer { Array($0) })) \(shortened(target))"
        return .task { request in
            var response = Response(status: 200, body: .bytes(Array("ok\n".utf8)))
            let body = request.body.isEmpty ? "" : " \"\(shortened(request.body))\""
            if let name = HTTPField.Name("X-Seen") { response.fields[name] = seen + body }
            return response
        }
    }

    /// Sends the pieces, each read by the server before the next is sent, with the probe behind the last; ends sending, and
    /// sums up what came back.
    func exchange(_ pieces: [[[UInt8]]]) async throws -> [String] {
        let peers = try pieces.map { _ in try RawSocket(address) }
        for turn in 0..<(pieces.map(\.count).max() ?? 0) {
            for (peer, all) in zip(peers, pieces) where turn < all.count {
                // A server that refuses may close before all was sent.
                peer.send(all[turn] + (turn == all.count - 1 ? Self.probe : []))
            }
            // A turn of the server's loop reads what was there when it began.
            for _ in 0..<3 { _ = await server.counters }
        }
        return peers.map { peer in
            peer.shutdownWrite()
            return Self.summary(peer.receiveToEnd())
        }
    }

    func stop() async { await server.stop(within: .zero) }

    /// The answers in one line: each status with what the handler saw, then what became of the connection. It is the form
    /// of `scripts/differential`.
    static func summary(_ received: [UInt8]) -> String {
        var items: [String] = []
        var end = "waits"
        var rest = String(decoding: received, as: UTF8.self)
        while !rest.isEmpty {
            let parts = rest.components(separatedBy: "\r\n\r\n")
            let fields = parts[0].components(separatedBy: "\r\n")
            func value(_ name: String) -> String? {
                fields.first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
            }
            let seen = value("X-Seen")
            let item = fields[0].split(separator: " ").dropFirst().first.map(String.init) ?? "no answer"
            let answer = item + (seen.map { " " + $0 } ?? "")
            if value("Connection") == "close" { end = "closed" }
            if answer == "200 GET /probe" {
                end = "open"
            } else {
                items.append(answer.replacingOccurrences(of: escaped(probe), with: "<probe>"))
            }
            let length = seen?.hasPrefix("HEAD ") == true ? 0 : value("Content-Length").flatMap { Int($0) } ?? 0
            rest = String(rest.dropFirst(parts[0].count).dropFirst().dropFirst())
            rest = String(decoding: rest.utf8.dropFirst(length), as: UTF8.self)
        }
        return (items + [end]).joined(separator: "; ")
    }

    /// The summary without interim answers, which depend on whether the body came with its head.
    static func withoutInterim(_ summary: String) -> String {
        summary.components(separatedBy: "; ").filter { !$0.hasPrefix("1") }.joined(separator: "; ")
    }
}
