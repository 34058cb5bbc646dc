internal import Foundation
internal import JSON
internal import Model
internal import Runtime
internal import Store

/// Who this node is: an id made once, kept in `node.json`, and the host index that its MAC addresses carry, claimed in
/// the store.
struct NodeIdentity: Codable, Sendable {
    var id: String
    var hostIndex: UInt16
    /// The store that the index was claimed in: another one means that somebody exchanged the data.
    var cluster: String

    /// Reads the node's identity, or makes one and claims a host index; and takes up the note of what the node has seen.
    ///
    /// - Throws: `ProblemError` `store.foreign` or `store.older` when the store is not the one this node has worked with: an
    ///   empty, older or foreign store must not make the node forget its VMs. Nothing is changed then.
    static func claim(_ configuration: NodeConfiguration, _ store: any Store, on loop: EventLoop) async throws
        -> (identity: Self, seen: SeenRevision)
    {
        let path = configuration.stateDirectory + "/node.json"
        let notes = SeenRevision.paths(
            stateDirectory: configuration.stateDirectory, runDirectory: configuration.runDirectory)
        let begun = try existing(path, store)
        let newest = try await store.get(KeyPath.root).revision
        if begun != nil { try check(newest, against: notes, store, path) }
        // A node that begins anew takes the store as it is, and with it what was noted of it.
        let seen = try await SeenRevision.begin(at: newest, cluster: store.clusterID, in: notes, on: loop)
        if let begun { return (begun, seen) }
        let identity = try await claimNew(store, on: loop)
        try await Files(on: BlockingPool(threads: 1)).write(
            try JSON.encode(identity), to: path, mode: 0o644, durably: true)
        return (identity, seen)
    }

    private static func check(_ newest: Int64, against notes: [String], _ store: any Store, _ path: String) throws {
        guard let seen = SeenRevision.highest(in: notes, cluster: store.clusterID), seen > newest else { return }
        throw ProblemError(
            status: 500, code: "store.older", title: "The store is an older copy",
            detail:
                "the store is at revision \(newest) and this node has seen revision \(seen) of it: it is an older copy",
            fix:
                "put the newest copy back, or remove \(path) to go on with this one: what it does not know is left alone"
        )
    }

    private static func existing(_ path: String, _ store: any Store) throws -> Self? {
        if let bytes = FileManager.default.contents(atPath: path) {
            guard let identity = try? decode(Self.self, from: Array(bytes)) else {
                throw ProblemError(
                    status: 500, code: "node.state-directory", title: "The node's identity can't be read",
                    detail: "\(path) is damaged: it does not tell who this node is",
                    fix: "put it back from a backup, or remove it: the node then takes another host index for its MACs")
            }
            guard identity.cluster == store.clusterID else {
                throw ProblemError(
                    status: 500, code: "store.foreign", title: "The store is another one",
                    detail: "the store has the id \(store.clusterID), this node has worked with \(identity.cluster)",
                    fix: "put the right store back, or remove \(path) if this node is to begin anew")
            }
            return identity
        }
        return nil
    }

    /// Host indices are random, so that hosts installed alone rarely hold the same; the key decides.
    private static func claimNew(_ store: any Store, on loop: EventLoop) async throws -> Self {
        let id = VMID.random().text
        for _ in 0..<64 {
            let index = UInt16.random(in: 1...0xffff)
            let record = try encodeRecord(HostRecord(node: id))
            let claim = Transaction(compares: [.absent(KeyPath.host(index))], then: [.put(KeyPath.host(index), record)])
            if try await CrashPoint.around("store host", { try await store.settle(claim, on: loop) }).succeeded {
                return NodeIdentity(id: id, hostIndex: index, cluster: store.clusterID)
            }
        }
        throw ProblemError(
            status: 507, code: "host.exhausted", detail: "no free host index was found in 64 tries",
            fix: "remove hosts that are gone from the cluster")
    }
}
