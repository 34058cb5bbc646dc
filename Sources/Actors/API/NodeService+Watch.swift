internal import JSON
internal import Model
package import Runtime
internal import Store

extension NodeService {

    package func watch(
        _ kind: ResourceKind, owner: String?, since: Int64?
    ) async throws -> AsyncChannel<ResourceEvent> {
        let owner = try owner.map { try WriteBody.name($0, field: "owner") }
        let newest = await parts.store.catalog.revision
        let start = since ?? newest
        try await refuseFuture(start, "since")
        let stream: WatchStream
        do {
            stream = try await parts.store.store.watch(prefix: KeyPath.root, from: start + 1)
        } catch let error as StoreError where error.code == .compacted {
            throw Self.compacted(start)
        } catch let error as StoreError {
            throw Writer.problem(error)
        }
        let channel = AsyncChannel<ResourceEvent>(capacity: 256)
        let loop = parts.store.loop
        spawn(on: loop, "api.watch") { [self] in
            defer { channel.finish() }
            var replay = VMReplay()
            try await channel.send(.bookmark(revision: start))
            for try await batch in stream {
                await parts.store.caughtUp(to: batch.revision)
                let catalog = await parts.store.catalog
                for event in batch.events {
                    if let told = await tell(event, kind, owner, catalog, &replay) { try await channel.send(told) }
                }
                replay.cameTo(batch.revision, catalog)
                try await channel.send(.bookmark(revision: batch.revision))
            }
        }
        return channel
    }

    /// What a change of the store means for a collection. What was written stands as it was written then; what the node
    /// computes (a network's state and ports, the name of an address' VM) is as new as the catalog.
    private func tell(
        _ event: WatchEvent, _ kind: ResourceKind, _ owner: Name?, _ catalog: Catalog, _ replay: inout VMReplay
    ) async -> ResourceEvent? {
        guard let key = StoredKind(key: event.key) else { return nil }
        let told: ResourceEvent?
        switch event {
        case .put(let entry): told = await written(key, entry, kind, catalog, &replay)
        case .delete(_, let revision): told = Self.removed(key, kind, revision)
        }
        guard let told, owner == nil || told.owner == nil || told.owner == owner?.text else { return nil }
        return told
    }

    private func written(
        _ key: StoredKind, _ entry: Entry, _ kind: ResourceKind, _ catalog: Catalog, _ replay: inout VMReplay
    ) async -> ResourceEvent? {
        let revision = entry.modRevision
        switch (kind, key) {
        case (.vms, .vm):
            guard let record = Self.decoded(VMRecord.self, entry) else { return nil }
            return .put(resource(replay.written(record, entry, catalog), catalog), revision: revision)
        case (.vms, .vmStatus(let id)):
            guard let status: VMStatus = try? decodeRecord(from: entry.value, key: entry.key),
                let vm = replay.written(status, of: id, revision: revision, catalog)
            else { return nil }
            return .put(resource(vm, catalog), revision: revision)
        case (.vms, .tombstone("vm", _)):
            guard let vm = Self.buried(VMRecord.self, entry) else { return nil }
            replay.deleted(vm.uuid)
            return .deleted(Self.naming("vm", vm.owner, vm.name, vm.uuid), revision: revision)
        case (.networks, .network):
            guard let record = Self.decoded(NetworkRecord.self, entry) else { return nil }
            let network = Catalog.Network(record: record, revision: revision, isTombstoned: false)
            return .put(await resource(network, catalog), revision: revision)
        case (.networks, .tombstone("network", _)):
            guard let network = Self.buried(NetworkRecord.self, entry) else { return nil }
            return .deleted(Self.naming("network", network.owner, network.name, nil), revision: revision)
        case (.keys, .key):
            guard let record = Self.decoded(KeyRecord.self, entry) else { return nil }
            return .put(resource(Catalog.Key(record: record, revision: revision)), revision: revision)
        case (.macs, .mac(let address)):
            guard let record = Self.decoded(MACRecord.self, entry) else { return nil }
            let mac = Catalog.MAC(record: record, revision: revision)
            return .put(resource(address, mac, catalog), revision: revision)
        default: return nil
        }
    }

    /// A record that is deleted without a tombstone is one that nothing on a host hangs on.
    private static func removed(_ key: StoredKind, _ kind: ResourceKind, _ revision: Int64) -> ResourceEvent? {
        switch (kind, key) {
        case (.keys, .key(let owner, let name)):
            .deleted(naming("key", owner, name, nil), revision: revision)
        case (.macs, .mac(let address)):
            .deleted(["kind": "mac", "mac": .string(address.description)], revision: revision)
        default: nil
        }
    }

    private static func decoded<Record: StoredRecord>(_ type: Record.Type, _ entry: Entry) -> Record? {
        try? decodeRecord(type, from: entry.value, key: entry.key)
    }

    private static func buried<Record: StoredRecord>(_ type: Record.Type, _ entry: Entry) -> Record? {
        guard let tombstone: TombstoneRecord = try? decodeRecord(from: entry.value, key: entry.key) else { return nil }
        return try? decodeRecord(type, from: tombstone.last.encoded(), key: entry.key)
    }

    private static func naming(_ kind: String, _ owner: Name, _ name: Name, _ id: VMID?) -> JSONValue {
        var document: JSONValue = ["kind": .string(kind), "owner": .string(owner.text), "name": .string(name.text)]
        if let id { document["uuid"] = .string(id.text) }
        return document
    }

    private static func compacted(_ revision: Int64) -> ProblemError {
        ProblemError(
            status: 410, code: "revision.compacted", detail: "changes since revision \(revision) are no longer kept",
            fix: "list again, and watch from the list's revision")
    }
}

extension ResourceEvent {
    /// Whose resource it is about; nil for what belongs to nobody.
    fileprivate var owner: String? {
        switch self {
        case .put(let resource, _): resource.document["owner"]?.stringValue
        case .deleted(let document, _): document["owner"]?.stringValue
        case .bookmark: nil
        }
    }
}
