/// How connecting to a name is paced: the times of RFC 8305, section 8.
public struct ConnectPacing: Sendable, Hashable {
    /// From one attempt to the next while none has an outcome; the RFC recommends 250 ms, and 10 ms to 2 s as bounds.
    public var attemptDelay: Duration
    /// How long IPv4 addresses wait for the IPv6 ones that are still being looked up; the RFC recommends 50 ms.
    public var resolutionDelay: Duration

    /// The RFC's recommendations, unless others are given.
    public init(attemptDelay: Duration = .milliseconds(250), resolutionDelay: Duration = .milliseconds(50)) {
        self.attemptDelay = min(max(attemptDelay, .milliseconds(10)), .seconds(2))
        self.resolutionDelay = resolutionDelay
    }
}

/// An IP version, as a name is looked up for it.
public enum AddressFamily: Sendable, Hashable, CaseIterable {
    /// IPv6 (AAAA records).
    case ipv6
    /// IPv4 (A records).
    case ipv4
}

/// The rules of RFC 8305 ("happy eyeballs") for one connect, without a socket or a timer: each call returns what to do.
///
/// Both families are looked up at once. Attempts begin with the first addresses that come, but IPv4's wait a little for IPv6's;
/// they go on alternating between the families, one whenever the delay has passed or the newest attempt has failed.
struct EyeballsState {
    enum Action: Equatable {
        /// Try this one; in place of any timer for the next attempt, start one of `attemptDelay`.
        case attempt(SocketAddress)
        /// Start a timer of `resolutionDelay`.
        case awaitResolution
        /// All is tried, nothing has worked.
        case fail
    }

    private var unresolved = Set(AddressFamily.allCases)
    private var addresses: [AddressFamily: [SocketAddress]] = [:]
    private var next = AddressFamily.ipv6
    /// Whether attempts may be made.
    private var begun = false
    /// Whether the newest attempt still has its time alone.
    private var isPaused = false
    private var running: Set<SocketAddress> = []
    private var newest: SocketAddress?
    /// What went wrong, in its order.
    private(set) var failures: [any Error] = []

    /// A look-up has ended; no addresses is an answer too.
    mutating func resolved(_ family: AddressFamily, _ result: Result<[SocketAddress], any Error>) -> [Action] {
        unresolved.remove(family)
        switch result {
        case .success(let found): addresses[family, default: []] += found
        case .failure(let error): failures.append(error)
        }
        if begun { return step() }
        if addresses.values.allSatisfy(\.isEmpty) && !unresolved.isEmpty { return [] }
        if family == .ipv4 && unresolved.contains(.ipv6) { return [.awaitResolution] }
        begun = true
        return step()
    }

    /// `resolutionDelay` has passed.
    mutating func resolutionDelayPassed() -> [Action] {
        begun = true
        return step()
    }

    /// `attemptDelay` has passed since the newest attempt.
    mutating func attemptDelayPassed() -> [Action] {
        isPaused = false
        return step()
    }

    /// An attempt has failed. Only the newest one's failure hastens the next.
    mutating func failed(_ address: SocketAddress, _ error: any Error) -> [Action] {
        failures.append(error)
        running.remove(address)
        if address == newest { isPaused = false }
        return step()
    }

    private mutating func step() -> [Action] {
        if !begun || isPaused { return [] }
        if let address = takeNext() {
            isPaused = true
            newest = address
            running.insert(address)
            return [.attempt(address)]
        }
        return running.isEmpty && unresolved.isEmpty ? [.fail] : []
    }

    /// Of the family whose turn it is, or else of the other.
    private mutating func takeNext() -> SocketAddress? {
        for family in [next, next == .ipv6 ? .ipv4 : .ipv6] {
            while let address = addresses[family]?.first {
                addresses[family]?.removeFirst()
                if running.contains(address) { continue }
                next = family == .ipv6 ? .ipv4 : .ipv6
                return address
            }
        }
        return nil
    }
}
