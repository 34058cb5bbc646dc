internal import CLinux
internal import Glibc

/// A datagram socket that tells by which address, interface and mark each datagram came. Any thread, any task.
public final class UDPSocket: Sendable {
    /// A datagram and how it came.
    public struct Datagram: Sendable, Hashable {
        /// The payload.
        public var bytes: [UInt8]
        /// Who sent it.
        public var source: SocketAddress
        /// The address it was sent to: 4 or 16 bytes, empty if unknown.
        public var destination: [UInt8]
        /// The interface it came by, 0 if unknown.
        public var interface: UInt32
        /// The mark that the firewall gave it, nil where the kernel does not tell (before Linux 5.19).
        public var mark: UInt32?
        /// Its hop limit on arrival: 255 proves a sender on the link.
        public var hopLimit: Int?
        /// Whether it was longer than what was received of it.
        public var isTruncated: Bool
    }

    /// Where its I/O happens.
    public let loop: EventLoop
    private let core: SocketCore<Datagram>

    /// Takes over a datagram socket, whose control messages are switched on here.
    public init(adopting descriptor: CInt, on loop: EventLoop) {
        self.loop = loop
        cl_udp_prepare(descriptor)
        core = SocketCore(descriptor, on: loop, attempt: Self.take)
    }

    deinit { close() }

    /// Binds a socket. Throws `SystemError` with the address in its words.
    public convenience init(on address: SocketAddress, loop: EventLoop, reusePort: Bool = false) throws {
        let descriptor = try SystemError.check(
            cl_socket(address.family, CInt(SOCK_DGRAM.rawValue), 0), "socket for \(address)")
        do {
            if reusePort { try SystemError.check(cl_reuse_port(descriptor), "SO_REUSEPORT for \(address)") }
            var native = try address.native()
            try SystemError.check(unsafe cl_bind(descriptor, &native), "bind \(address)")
        } catch {
            cl_close(descriptor)
            throw error
        }
        self.init(adopting: descriptor, on: loop)
    }

    /// Where it is bound.
    public var address: SocketAddress? { try? SocketAddress.local(of: core.descriptor) }

    /// The next datagram. Cancellation loses none.
    public func receive(isolation: isolated (any Actor)? = #isolation) async throws -> Datagram {
        try await core.receive()
    }

    /// Sends a datagram.
    ///
    /// - Parameters:
    ///   - bytes: the payload.
    ///   - address: where to.
    ///   - request: a datagram that this answers: its destination becomes our source, its interface our way out.
    ///   - isolation: the caller's actor, on whose executor this waits.
    /// - Throws: `SystemError` or `UVError` when the socket refuses or was closed; `CancellationError`, and then it is not sent.
    public func send(
        _ bytes: [UInt8], to address: SocketAddress, answering request: Datagram? = nil,
        isolation: isolated (any Actor)? = #isolation
    ) async throws {
        try Task.checkCancellation()
        let native = try address.native()
        let outcome = OneShot<Void>()
        let core = core
        try await withTaskCancellationHandler {
            loop.run {
                core.send(
                    .init(outcome) {
                        let sent = Self.put(bytes, native, request, to: core.descriptor)
                        if sent == -Int(EAGAIN) { return .nothing }
                        try SystemError.check(sent, "send to \(address)")
                        return .all
                    })
            }
            try await outcome.value(isolation: isolation)
        } onCancel: {
            // On the loop, where it can be told whether the datagram has gone out.
            core.loop.execute { core.cancel(outcome) }
        }
    }

    /// Closes. Any number of times.
    public func close() {
        let core = core
        loop.run { core.close(UVError.cancelled("socket")) }
    }

    private static func put(_ bytes: [UInt8], _ to: cl_address, _ request: Datagram?, to socket: CInt) -> Int {
        var to = to
        var info = cl_datagram()
        if let request, !request.destination.isEmpty {
            info.interface = request.interface
            info.local_length = CInt(request.destination.count)
            // SAFETY: a destination has 4 or 16 bytes, `local` 16.
            unsafe withUnsafeMutableBytes(of: &info.local) { unsafe $0.copyBytes(from: request.destination.prefix(16)) }
        }
        return unsafe cl_udp_send(socket, bytes, bytes.count, &to, &info)
    }

    private static func take(from socket: CInt) throws -> Datagram? {
        var info = cl_datagram()
        var received = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 65536) { buffer, initialized in
            // SAFETY: at most `buffer.count` bytes are written, and as many as `received` says.
            received = unsafe cl_udp_recv(socket, buffer.baseAddress, buffer.count, &info)
            initialized = max(received, 0)
        }
        if received == -Int(EAGAIN) { return nil }
        try SystemError.check(received, "receive")
        guard let source = SocketAddress(info.from) else { return nil }
        // SAFETY: `local` has 16 bytes, of which `local_length` count.
        let destination = unsafe withUnsafeBytes(of: info.local) { unsafe Array($0.prefix(Int(info.local_length))) }
        return Datagram(
            bytes: bytes.trimmed(), source: source, destination: destination, interface: info.interface,
            mark: info.has_mark != 0 ? info.mark : nil, hopLimit: info.hop_limit >= 0 ? Int(info.hop_limit) : nil,
            isTruncated: info.truncated != 0)
    }
}
