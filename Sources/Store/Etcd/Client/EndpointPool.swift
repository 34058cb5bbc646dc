/// Which endpoint to connect to next: in turn, those that failed not before a pause that doubles each time. Pure.
package struct EndpointPool: Sendable {
    /// What to do.
    package enum Choice: Sendable, Hashable {
        case connect(EtcdEndpoint)
        /// All of them failed lately: ask again after so long.
        case wait(Duration)
    }

    private struct Place {
        var endpoint: EtcdEndpoint
        var failures = 0
        var retryAt = Duration.zero
    }

    static let firstPause = Duration.milliseconds(50)
    static let longestPause = Duration.seconds(1)

    private let configured: Set<EtcdEndpoint>
    private var places: [Place] = []
    private var turn = 0

    /// Those of the configuration, in the order they are to be tried: a client each begins with another one.
    package init(_ endpoints: [EtcdEndpoint]) {
        configured = Set(endpoints)
        add(endpoints)
    }

    package var endpoints: [EtcdEndpoint] { places.map(\.endpoint) }

    /// Whether it is one of the configuration's.
    package func isConfigured(_ endpoint: EtcdEndpoint) -> Bool { configured.contains(endpoint) }

    private mutating func add(_ endpoints: [EtcdEndpoint]) {
        for endpoint in endpoints where !places.contains(where: { $0.endpoint == endpoint }) {
            places.append(Place(endpoint: endpoint))
        }
    }

    /// The cluster names its members: they stand in beside those of the configuration, and who is neither does not any more.
    package mutating func follow(_ members: [EtcdEndpoint]) {
        let kept = configured.union(members)
        places.removeAll { !kept.contains($0.endpoint) }
        add(members)
        turn %= max(places.count, 1)
    }

    /// It is no member of the cluster, whatever the cluster says.
    package mutating func drop(_ endpoint: EtcdEndpoint) {
        places.removeAll { $0.endpoint == endpoint && !configured.contains(endpoint) }
        turn %= max(places.count, 1)
    }

    /// The next one.
    package mutating func next(at now: Duration) -> Choice {
        for step in 0..<places.count {
            let index = (turn + step) % places.count
            if places[index].retryAt <= now {
                turn = (index + 1) % places.count
                return .connect(places[index].endpoint)
            }
        }
        let earliest = places.map(\.retryAt).min() ?? now + Self.longestPause
        return .wait(max(earliest - now, .milliseconds(1)))
    }

    /// It could not be connected to, or does not do its work.
    package mutating func failed(_ endpoint: EtcdEndpoint, at now: Duration) {
        guard let index = places.firstIndex(where: { $0.endpoint == endpoint }) else { return }
        let pause = Self.firstPause * (1 << min(places[index].failures, 10))
        places[index].failures += 1
        places[index].retryAt = now + min(pause, Self.longestPause)
    }

    /// It answered.
    package mutating func succeeded(_ endpoint: EtcdEndpoint) {
        guard let index = places.firstIndex(where: { $0.endpoint == endpoint }), places[index].failures > 0 else {
            return
        }
        places[index].failures = 0
        places[index].retryAt = .zero
    }
}
