internal import Model
internal import Network

/// The networks of this node: which are wanted and which stand. Pure.
struct NetworksState: Sendable {
    enum Standing: Sendable, Equatable {
        case pending
        case up
        case failed(String)
        case removing
    }

    struct Network: Sendable {
        var record: NetworkRecord
        var standing = Standing.pending
    }

    private(set) var networks: [Name: Network] = [:]

    /// A network is wanted; true where something is to be done for it.
    mutating func want(_ record: NetworkRecord) -> Bool {
        guard let old = networks[record.name], old.record.number == record.number else {
            networks[record.name] = Network(record: record)
            return true
        }
        networks[record.name]?.record = record
        return old.standing != .up || old.record.resolved != record.resolved
    }

    mutating func bury(_ record: NetworkRecord) {
        networks[record.name] = Network(record: record, standing: .removing)
    }

    mutating func stands(_ name: Name) {
        guard networks[name]?.standing != .removing else { return }
        networks[name]?.standing = .up
    }

    mutating func failed(_ name: Name, _ why: String) {
        guard networks[name]?.standing != .removing else { return }
        networks[name]?.standing = .failed(why)
    }

    mutating func gone(_ name: Name) {
        networks[name] = nil
    }

    /// The helper is another one: everything must be asked for again.
    mutating func forgetStandings() {
        for (name, network) in networks where network.standing == .up { networks[name]?.standing = .pending }
    }

    /// What is still to be made or removed.
    var undone: [Network] {
        networks.values.filter { $0.standing != .up }.sorted { $0.record.number < $1.record.number }
    }

    func name(ofNumber number: UInt32) -> String? {
        networks.values.first { $0.record.number == number }?.record.name.text
    }

    /// State and message as lists show them.
    func condition(of name: Name) -> (state: String, message: String) {
        switch networks[name]?.standing {
        case .up: ("up", "")
        case .failed(let why): ("failed", why)
        case .removing: ("removing", "")
        case .pending, nil: ("pending", "")
        }
    }
}

extension NetworkRecord {
    /// What the net-helper is asked for.
    func plan(listeners: Int) -> NetworkPlan {
        NetworkPlan(
            name: name.text, number: number, kind: resolved.kind == .shared ? .shared : .private,
            prefix: resolved.prefix, domain: resolved.domain, managed: resolved.ra == .managed,
            mtu: UInt32(resolved.mtu), listeners: listeners)
    }
}
