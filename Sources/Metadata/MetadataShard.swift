internal import CLinux
package import HTTP
package import Runtime

/// The metadata service on one loop: a server, its handler and the loop's snapshot.
package final class MetadataShard: Sendable {
    package let loop: EventLoop
    package let server: Server
    private let handler: MetadataHandler

    package init(loop: EventLoop, configuration: ServerConfiguration = MetadataShard.configuration()) {
        self.loop = loop
        handler = MetadataHandler()
        server = Server(loop: loop, configuration: configuration, handler: handler)
    }

    /// Connections of a guest to a loop's server, once half of all that there may be are in use.
    package static let maxConnectionsPerGuest = 256

    /// The limits for guests, and the admission by mark: a socket whose mark is no guest's is closed without a byte.
    package static func configuration() -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.maxBody = 64 * 1024
        // One guest may not take the room of all others; as long as there is room, none is counted.
        configuration.peerKey = { $0.token }
        configuration.maxConnectionsPerPeer = maxConnectionsPerGuest
        configuration.peerCountThreshold = configuration.maxConnections / 2
        configuration.admit = { descriptor in
            var mark: UInt32 = 0
            guard cl_socket_mark(descriptor, &mark) == 0, mark & DirectorySnapshot.markFlag != 0 else { return nil }
            return UInt64(mark)
        }
        return configuration
    }

    /// Gives the loop a newer snapshot; returns when requests on this loop see it.
    package func replace(_ snapshot: DirectorySnapshot, version: UInt64) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            loop.execute { [loop, handler] in
                loop.assumeIsolated { handler.replace(snapshot, version: version, isolation: $0) }
                continuation.resume()
            }
        }
    }
}
