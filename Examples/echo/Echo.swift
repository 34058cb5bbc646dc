import Glibc
import Runtime

/// Sends back what it is sent, on a port of the loopback, until SIGINT or SIGTERM.
@main
struct Echo {
    static func main() async throws {
        let port = CommandLine.arguments.dropFirst().first.flatMap { UInt16($0) } ?? 7007
        let watchdog = LoopWatchdog { print($0) }
        let group = try EventLoopGroup(loops: 1, label: "echo", watchdog: watchdog)
        let loop = group.loops[0]
        let stop = try await SignalSource([SIGINT, SIGTERM], on: loop)

        let socket = try Listener.socket(on: .ipv6(host: "::1", port: port))
        if let address = try SocketAddress.local(of: socket) {
            print("echo at \(address)")
            fflush(nil)
        }
        let listener = FDListener(adopting: socket, on: loop)
        let server = spawn(on: loop, "server") {
            try await withLoopDiscardingTaskGroup(on: loop) { connections in
                while true {
                    let descriptor = try await listener.acceptDescriptor()
                    let connection = Connection(adopting: descriptor, on: loop)
                    connections.addTask("connection") { await echo(connection) }
                }
            }
        }

        _ = try await stop.signals.receive()
        server.cancel()
        _ = try? await server.value
        await group.shutdown()
    }

    static func echo(_ connection: Connection) async {
        do {
            while let bytes = try await connection.read() { try await connection.write(bytes) }
        } catch {
            // A peer that resets its connection, or the end of the program: nobody else's concern.
        }
        connection.close()
    }
}
