internal import CLinux
internal import Glibc

/// Who looks up the addresses of names: the system, or what a test or another kind of directory puts in its place.
public protocol AddressResolver: Sendable {
    /// The addresses of a host, of one family, the preferred ones first.
    ///
    /// - Parameters:
    ///   - host: a name, or an address as text.
    ///   - port: put into each address.
    ///   - family: which addresses.
    /// - Returns: the addresses; none if the host has none of this family.
    /// - Throws: `ResolutionError` when that can't be said, `CancellationError` at once when the task is cancelled.
    func addresses(of host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress]
}

/// A name could not be looked up.
public struct ResolutionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name.
    public let host: String
    /// The resolver's code (EAI_..., as getaddrinfo(3) has them).
    public let code: CInt

    /// What getaddrinfo(3) gave for a name.
    public init(host: String, code: CInt) {
        self.host = host
        self.code = code
    }

    /// Whether asking again later may help: no server has answered.
    public var isTemporary: Bool { code == EAI_AGAIN }

    /// "look up example.test: Name or service not known".
    public var description: String {
        // SAFETY: constant text.
        unsafe "look up \(host): \(String(cString: gai_strerror(code)))"
    }
}

/// The system's resolver (getaddrinfo(3): hosts file, DNS, whatever nsswitch.conf says), on threads of its own.
///
/// It blocks no loop, and no blocking work of others waits behind a slow server. Any thread, any task.
public final class SystemResolver: AddressResolver {
    /// One for all who need no other: 4 look-ups at once, 256 more may wait.
    public static let shared = SystemResolver()

    typealias Lookup = @Sendable (_ host: String, _ port: UInt16, _ family: AddressFamily) throws -> [SocketAddress]

    private let pool: BlockingPool
    private let lookup: Lookup

    /// Makes one with threads of its own.
    ///
    /// - Parameters:
    ///   - threads: how many look-ups at once.
    ///   - waiting: how many more may wait; beyond that they fail with `BlockingPoolFull`.
    public convenience init(threads: Int = 4, waiting: Int = 256) {
        self.init(threads: threads, waiting: waiting, lookup: Self.ask)
    }

    /// With another look-up than the system's, so that tests can have one that takes long.
    package init(
        threads: Int, waiting: Int,
        lookup: @escaping @Sendable (_ host: String, _ port: UInt16, _ family: AddressFamily) throws -> [SocketAddress]
    ) {
        pool = BlockingPool(threads: threads, waiting: waiting, label: "rt-resolve")
        self.lookup = lookup
    }

    /// The addresses of a host, in the order of RFC 6724. A look-up that a cancelled task has begun goes on and is dropped.
    public func addresses(of host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress] {
        let lookup = lookup
        return try await pool.runAbandonably { try lookup(host, port, family) }
    }

    private static func ask(_ host: String, _ port: UInt16, _ family: AddressFamily) throws -> [SocketAddress] {
        if host.isEmpty || host.utf8.contains(0) { throw ResolutionError(host: host, code: EAI_NONAME) }
        var found = [cl_address](repeating: cl_address(), count: 32)
        var failure: CInt = 0
        // SAFETY: the array lives for the call, and has as many elements as it is said to have.
        let count = unsafe cl_resolve(
            host, family == .ipv6 ? AF_INET6 : AF_INET, port, &found, CInt(found.count), &failure)
        switch failure {
        case 0: break
        case EAI_SYSTEM: try SystemError.check(count, "look up \(host)")
        // The host is known, but has no address of this family.
        case CInt(CL_EAI_NODATA), CInt(CL_EAI_ADDRFAMILY): return []
        default: throw ResolutionError(host: host, code: failure)
        }
        return found.prefix(Int(max(count, 0))).compactMap { SocketAddress($0) }
    }
}

extension SocketAddress {
    /// An address as text, if it is one.
    init?(literal host: String, port: UInt16) {
        if host.utf8.contains(0) { return nil }
        for address in [SocketAddress.ipv4(host: host, port: port), .ipv6(host: host, port: port)]
        where (try? address.native()) != nil {
            self = address
            return
        }
        return nil
    }
}
