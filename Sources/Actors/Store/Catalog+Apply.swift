internal import JSON
internal import Model
internal import Store

extension Catalog {
    mutating func apply(_ event: WatchEvent) -> CatalogChange? {
        guard let kind = StoredKind(key: event.key) else { return nil }
        switch event {
        case .put(let entry):
            do {
                unreadable[entry.key] = nil
                return try put(kind, entry)
            } catch {
                unreadable[entry.key] = "\(error)"
                return nil
            }
        case .delete: return delete(kind)
        }
    }

    private mutating func put(_ kind: StoredKind, _ entry: Entry) throws -> CatalogChange? {
        switch kind {
        case .vm(let id): return putVM(id, try decodeRecord(from: entry.value, key: entry.key), entry.modRevision)
        case .vmStatus(let id):
            let observed = Observed(
                status: try decodeRecord(from: entry.value, key: entry.key), revision: entry.modRevision)
            if vms[id] == nil { earlyStatus[id] = observed } else { vms[id]?.observed = observed }
            return .vmStatus(id)
        case .tombstone(let what, _):
            let tombstone: TombstoneRecord = try decodeRecord(from: entry.value, key: entry.key)
            return try bury(what, tombstone, entry.modRevision)
        case .network(let name):
            let record: NetworkRecord = try decodeRecord(from: entry.value, key: entry.key)
            networks[name] = Network(record: record, revision: entry.modRevision, isTombstoned: false)
            return .network(record, revision: entry.modRevision)
        case .key(let owner, let name):
            let record: KeyRecord = try decodeRecord(from: entry.value, key: entry.key)
            keys[OwnedName(owner, name)] = Key(record: record, revision: entry.modRevision)
            return .key(OwnedName(owner, name))
        case .mac(let mac):
            let record: MACRecord = try decodeRecord(from: entry.value, key: entry.key)
            macs[mac] = MAC(record: record, revision: entry.modRevision)
            return .mac(mac, record)
        case .vmHost, .name, .host: return nil
        }
    }

    private mutating func putVM(_ id: VMID, _ record: VMRecord, _ revision: Int64) -> CatalogChange {
        if let old = vms[id]?.record { vmNames[OwnedName(old.owner, old.name)] = nil }
        let observed = vms[id]?.observed ?? earlyStatus.removeValue(forKey: id)
        vms[id] = VM(record: record, revision: revision, observed: observed, isTombstoned: false)
        vmNames[OwnedName(record.owner, record.name)] = id
        return .vm(record, revision: revision)
    }

    private mutating func bury(_ what: String, _ tombstone: TombstoneRecord, _ revision: Int64) throws -> CatalogChange?
    {
        let last = tombstone.last.encoded()
        switch what {
        case "vm":
            let record: VMRecord = try decodeRecord(from: last, key: tombstone.id)
            let id = record.uuid
            let observed = vms[id]?.observed ?? earlyStatus.removeValue(forKey: id)
            if vmNames[OwnedName(record.owner, record.name)] == id {
                vmNames[OwnedName(record.owner, record.name)] = nil
            }
            vms[id] = VM(record: record, revision: revision, observed: observed, isTombstoned: true)
            return .vmTombstoned(record)
        case "network":
            let record: NetworkRecord = try decodeRecord(from: last, key: tombstone.id)
            networks[record.name] = Network(record: record, revision: revision, isTombstoned: true)
            return .networkTombstoned(record)
        default: return nil
        }
    }

    private mutating func delete(_ kind: StoredKind) -> CatalogChange? {
        switch kind {
        case .vm(let id):
            guard let vm = vms[id], !vm.isTombstoned else { return nil }
            vmNames[OwnedName(vm.record.owner, vm.record.name)] = nil
            vms[id] = nil
            return .vmVanished(id)
        case .vmStatus(let id):
            vms[id]?.observed = nil
            return nil
        case .tombstone("vm", let id):
            guard let id = VMID(id), let vm = vms.removeValue(forKey: id) else { return nil }
            return .vmGone(vm.record)
        case .tombstone("network", let text):
            guard let name = Name(text), networks[name]?.isTombstoned == true else { return nil }
            networks[name] = nil
            return .networkGone(name)
        case .network(let name):
            if networks[name]?.isTombstoned == false { networks[name] = nil }
            return nil
        case .key(let owner, let name):
            keys[OwnedName(owner, name)] = nil
            return .key(OwnedName(owner, name))
        case .mac(let mac):
            macs[mac] = nil
            return .mac(mac, nil)
        case .tombstone, .vmHost, .name, .host: return nil
        }
    }
}
