import Glibc
import Runtime
import TestSupport

/// Loops for tests that block: the first for what is tested, the second, which nothing else runs on, for the peers.
let hostileLoops: [EventLoop] = {
    do {
        return try EventLoopGroup(loops: 2, label: "hostile").loops
    } catch {
        fatalError("no event loops: \(error)")
    }
}()

/// A peer without a loop: a descriptor and the system calls, so that tests decide about each of them. A call that would
/// block longer than the guard's time fails.
final class RawSocket: Sendable {
    let descriptor: CInt

    /// Connects. The socket is blocking.
    init(_ address: SocketAddress, receiveBuffer: CInt? = nil) throws {
        let isUnix = if case .unix = address { true } else { false }
        descriptor = socket(isUnix ? AF_UNIX : AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError(errno: errno, operation: "socket") }
        if let receiveBuffer { set(SO_RCVBUF, receiveBuffer) }
        setGuard()
        guard Self.connect(descriptor, to: address) == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw SystemError(errno: code, operation: "connect \(address)")
        }
    }

    /// Takes over a connected descriptor. The socket becomes blocking.
    init(adopting descriptor: CInt) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        setGuard()
    }

    deinit { Glibc.close(descriptor) }

    private func setGuard() {
        let limit = timeval(tv_sec: Int(guardTime.components.seconds), tv_usec: 0)
        set(SO_RCVTIMEO, limit)
        set(SO_SNDTIMEO, limit)
    }

    private func set<Value: BitwiseCopyable>(_ option: CInt, _ value: Value) {
        var value = value
        setsockopt(descriptor, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<Value>.size))
    }

    private static func connect(_ descriptor: CInt, to address: SocketAddress) -> CInt {
        switch address {
        case .unix(let path):
            var native = sockaddr_un()
            native.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &native.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
            return withUnsafePointer(to: &native) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        default:
            var native = sockaddr_in()
            native.sin_family = sa_family_t(AF_INET)
            native.sin_port = (address.port ?? 0).bigEndian
            native.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            return withUnsafePointer(to: &native) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
    }

    /// Sends all of it; false once the server takes no more.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { raw in
                Glibc.send(descriptor, raw.baseAddress, raw.count, CInt(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// Sends a text.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// The next bytes; none at the end, nil when the connection was reset or nothing came in time.
    func receive() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? nil : Array(buffer[..<count])
    }

    /// What is there now, without waiting.
    func receiveAvailable() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, CInt(MSG_DONTWAIT))
        return Array(buffer[..<max(0, count)])
    }

    /// All until the server closes, by whatever means.
    func receiveToEnd() -> [UInt8] {
        var received: [UInt8] = []
        while let more = receive(), !more.isEmpty { received += more }
        return received
    }

    /// Reads until the server closes, and forgets.
    func discardToEnd() { while let more = receive(), !more.isEmpty {} }

    /// Bytes until the text has come.
    func receive(_ text: String) -> Bool {
        var received = ""
        while !received.hasSuffix(text) {
            guard let more = receive(), !more.isEmpty else { return false }
            received += String(decoding: more, as: UTF8.self)
        }
        return true
    }

    /// Ends sending; receiving goes on.
    func shutdownWrite() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// The descriptor's close will be a reset.
    func resetOnClose() { set(SO_LINGER, linger(l_onoff: 1, l_linger: 0)) }
}
