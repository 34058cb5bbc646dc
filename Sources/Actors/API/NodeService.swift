internal import JSON
internal import Model
internal import Runtime
internal import Store

/// The control API's side of a node: reads from the catalog, writes through the `Writer`, waits for the actors.
package final class NodeService: NodeAPI {
    let parts: NodeParts
    let writer: Writer
    let supervisor: VMSupervisor
    /// What all that called `down` want together.
    let ending = Locked(Ending())
    /// What came of the removal: for each `down` that came meanwhile, and for the node, which ends with it.
    let removal = OneShot<JSONValue>()

    init(parts: NodeParts, writer: Writer, supervisor: VMSupervisor) {
        self.parts = parts
        self.writer = writer
        self.supervisor = supervisor
    }

    /// The catalog, at least as new as `revision`.
    func catalog(_ revision: Int64?) async throws -> Catalog {
        if let revision {
            try await refuseFuture(revision, "min-revision")
            await parts.store.caughtUp(to: revision)
        }
        return await parts.store.catalog
    }

    /// - Throws: `ProblemError` `revision.future` for a revision that no answer can have given.
    func refuseFuture(_ revision: Int64, _ parameter: String) async throws {
        let newest = try await parts.store.store.get(KeyPath.root).revision
        guard revision > newest else { return }
        throw ProblemError(
            status: 400, code: "revision.future",
            detail: "\(parameter) \(revision) is beyond the store's newest, \(newest)",
            fix: "use a revision that this node's answers gave")
    }

    func resource(_ vm: Catalog.VM, _ catalog: Catalog, created: Bool = false) -> Resource {
        let document = Documents.vm(vm, node: parts.configuration.nodeName, prefixes: catalog.prefixes)
        return Resource(kind: .vms, document: document, revision: vm.revision, created: created)
    }

    func resource(_ network: Catalog.Network, _ catalog: Catalog, created: Bool = false) async -> Resource {
        let condition = await parts.network.condition(of: network.record.name)
        let users = catalog.vms.values.reduce(0) { count, vm in
            count + vm.record.nics.filter { $0.network == network.record.name.text }.count
        }
        let document = Documents.network(network, ports: users, condition: condition)
        return Resource(kind: .networks, document: document, revision: network.revision, created: created)
    }

    func resource(_ key: Catalog.Key, created: Bool = false) -> Resource {
        Resource(kind: .keys, document: Documents.key(key), revision: key.revision, created: created)
    }

    func resource(_ address: MACAddress, _ mac: Catalog.MAC, _ catalog: Catalog) -> Resource {
        let vm = mac.record.vm.flatMap { catalog.vms[$0] }
        return Resource(kind: .macs, document: Documents.mac(address, mac, vm), revision: mac.revision)
    }

    /// The VM of that name.
    ///
    /// - Throws: `ProblemError` `vm.not-found`.
    func vm(_ owner: String, _ name: String) async throws -> (vm: Catalog.VM, catalog: Catalog) {
        let catalog = await parts.store.catalog
        let (owner, name) = (try WriteBody.name(owner, field: "owner"), try WriteBody.name(name, field: "name"))
        guard let vm = catalog.vm(owner: owner, name: name) else { throw ProblemError.notFound("vm", name.text) }
        return (vm, catalog)
    }
}

extension Catalog {
    /// The prefix of each network, by name.
    var prefixes: [String: IPv6Prefix] {
        Dictionary(uniqueKeysWithValues: networks.map { ($0.key.text, $0.value.record.resolved.prefix) })
    }
}
