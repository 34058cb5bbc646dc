package import JSON
internal import Model
package import Runtime

extension NodeService {
    package func list(
        _ kind: ResourceKind, owner: String?, limit: Int?, after: String?, minimumRevision: Int64?
    ) async throws -> ResourceList {
        let catalog = try await catalog(minimumRevision)
        let owner = try owner.map { try WriteBody.name($0, field: "owner") }
        var items: [(key: String, make: () async -> Resource)]
        switch kind {
        case .vms:
            items = catalog.vms.values.filter { !$0.isTombstoned && owner ?? $0.record.owner == $0.record.owner }
                .map { vm in ("\(vm.record.owner)/\(vm.record.name)", { self.resource(vm, catalog) }) }
        case .networks:
            items = catalog.networks.values.filter { !$0.isTombstoned && owner ?? $0.record.owner == $0.record.owner }
                .map { network in
                    ("\(network.record.owner)/\(network.record.name)", { await self.resource(network, catalog) })
                }
        case .keys:
            items = catalog.keys.values.filter { owner ?? $0.record.owner == $0.record.owner }
                .map { key in ("\(key.record.owner)/\(key.record.name)", { self.resource(key) }) }
        case .macs:
            // One that rests is nobody's any more, so whoever asks sees it, as the watch tells it to all.
            items = catalog.macs.filter { _, mac in
                guard let owner, let vm = mac.record.vm.flatMap({ catalog.vms[$0] }) else { return true }
                return vm.record.owner == owner
            }.map { address, mac in (address.description, { self.resource(address, mac, catalog) }) }
        }
        items.sort { $0.key < $1.key }
        if let after {
            try Self.checkContinue(after, kind)
            items.removeAll { $0.key <= after }
        }
        let page = items.prefix(limit ?? Int.max)
        var resources: [Resource] = []
        for item in page { resources.append(await item.make()) }
        return ResourceList(
            items: resources, revision: catalog.revision, next: page.count < items.count ? page.last?.key : nil)
    }

    /// A page's `continue` is the key of its last resource, which may have been deleted since.
    private static func checkContinue(_ key: String, _ kind: ResourceKind) throws {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false).map { Name(String($0)) }
        guard kind == .macs ? MACAddress(key) == nil : parts.count != 2 || parts.contains(nil) else { return }
        throw ProblemError(
            status: 400, code: "query.invalid", title: "The query is not valid",
            detail: "continue=\(printable(key)) is none that a page has given", fix: "list again from the beginning")
    }

    package func get(_ kind: ResourceKind, owner: String, name: String, minimumRevision: Int64?) async throws
        -> Resource
    {
        let catalog = try await catalog(minimumRevision)
        var found = try await find(kind, owner, name, catalog)
        found.storeRevision = catalog.revision
        return found
    }

    private func find(
        _ kind: ResourceKind, _ owner: String, _ name: String, _ catalog: Catalog
    ) async throws -> Resource {
        let owner = try WriteBody.name(owner, field: "owner")
        if kind == .macs {
            guard let address = MACAddress(name), let mac = catalog.macs[address] else {
                throw ProblemError.notFound("mac", name)
            }
            return resource(address, mac, catalog)
        }
        let name = try WriteBody.name(name, field: "name")
        switch kind {
        case .vms:
            guard let vm = catalog.vm(owner: owner, name: name) else { throw ProblemError.notFound("vm", name.text) }
            return resource(vm, catalog)
        case .networks:
            guard let network = catalog.networks[name], !network.isTombstoned, network.record.owner == owner else {
                throw ProblemError.notFound("network", name.text)
            }
            return await resource(network, catalog)
        case .keys:
            guard let key = catalog.keys[OwnedName(owner, name)] else { throw ProblemError.notFound("key", name.text) }
            return resource(key)
        case .macs: throw ProblemError.notFound("mac", name.text)
        }
    }

    package func get(uuid: String, minimumRevision: Int64?) async throws -> Resource {
        let catalog = try await catalog(minimumRevision)
        guard let id = VMID(uuid), let vm = catalog.vms[id], !vm.isTombstoned else {
            throw ProblemError.notFound("vm", uuid)
        }
        var found = resource(vm, catalog)
        found.storeRevision = catalog.revision
        return found
    }

    package func events(since: Int64?, follow: Bool) async throws -> AsyncChannel<JSONValue> {
        if let events = await parts.events.read(since: since, follow: follow) { return events }
        throw ProblemError(
            status: 400, code: "event.future", detail: "no event of this node has had the number \(since ?? 0) yet",
            fix: "use the sequence of an event that this node told")
    }
}
