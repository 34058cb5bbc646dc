import Hummingbird
import Logging
import NIOPosix

// `hummingbird-server PORT BYTES`: GET /ssh-keys answers that many bytes, made once, on one event loop as its peers have.
let arguments = CommandLine.arguments
guard arguments.count == 3, let port = Int(arguments[1]), let length = Int(arguments[2]) else {
    fatalError("usage: hummingbird-server PORT BYTES")
}
let body = ByteBuffer(string: "ssh-ed25519 " + String(repeating: "A", count: length - 12))
let router = Router()
router.get("/ssh-keys") { _, _ in
    Response(status: .ok, headers: [.contentType: "text/plain; charset=utf-8"], body: .init(byteBuffer: body))
}
var logger = Logger(label: "hummingbird")
logger.logLevel = .error
let app = Application(
    router: router, configuration: .init(address: .hostname("::", port: port), backlog: 4096),
    eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1)), logger: logger)
try await app.runService()
