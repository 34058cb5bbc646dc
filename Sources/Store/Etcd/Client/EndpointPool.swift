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

    private var places: [Place]
    private var turn = 0

    /// Those of the configuration, in the order they are to be tried: a client each begins with another one.
    package init(_ endpoints: [EtcdEndpoint]) {
        places = []
        add(endpoints)
    }

    package var endpoints: [EtcdEndpoint] { places.map(\.endpoint) }

    /// Adds those that it does not know: members that the cluster named.
    package mutating func add(_ endpoints: [EtcdEndpoint]) {
        for endpoint in endpoints where !places.contains(where: { $0.endpoint == endpoint }) {
            places.append(Place(endpoint: endpoint))
        }
    }

    /// Forgets those of a kind: members that the cluster does not name any more.
    package mutating func remove(where isGone: (EtcdEndpoint) -> Bool) {
        places.removeAll { isGone($0.endpoint) }
        turn = places.isEmpty ? 0 : turn % places.count
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
        guard let index = places.firstIndex(where: { $0.endpoint == endpoint }), places[index].failures > 0 else { return }
        places[index].failures = 0
        places[index].retryAt = .zero
    }
}
