internal import Actors
internal import HTTP
internal import HTTPTypes
internal import Model
internal import Runtime

/// The VM's serial console over a connection that was HTTP: after 101, bytes both ways until either side ends.
enum ConsoleUpgrade {
    static let protocolName = "uncloud-console"

    static func answer(_ call: APICall) async throws -> Response {
        let wanted = (call.request.fields[.upgrade] ?? "").split(separator: ",").map { $0.trimming(" \t").lowercased() }
        guard wanted.contains(protocolName) else {
            throw ProblemError(
                status: 426, code: "console.upgrade-required", title: "Upgrade required",
                detail: "the console is no HTTP answer",
                fix: "send Connection: Upgrade and Upgrade: \(protocolName), or read .../log")
        }
        let console = try await call.node.console(owner: call.owner(), name: call.name)
        return Response(
            status: 101, body: .upgrade(protocol: protocolName) { client in await pump(client, console) })
    }

    /// Copies both ways until either side ends, then closes both. A client that has sent all it has keeps its side open
    /// for as long as it wants to read: a closed one could not be told from a client that is gone.
    private static func pump(_ client: Connection, _ console: Connection) async {
        let input = spawn(on: client.loop, "console input") {
            defer { console.close() }
            while let bytes = try await client.read() { try await console.write(bytes) }
        }
        do {
            while let bytes = try await console.read() { try await client.write(bytes) }
        } catch {
            // Either side broke; both are closed below, and neither has anything else to say.
        }
        input.cancel()
        console.close()
        client.close()
    }
}
