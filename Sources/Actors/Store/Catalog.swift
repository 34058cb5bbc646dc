internal import JSON
package import Model
package import Store

/// A name within an owner's names.
package struct OwnedName: Sendable, Hashable, Comparable {
    package var owner: Name
    package var name: Name

    package init(_ owner: Name, _ name: Name) {
        self.owner = owner
        self.name = name
    }

    package static func < (one: OwnedName, other: OwnedName) -> Bool {
        (one.owner, one.name) < (other.owner, other.name)
    }
}

/// What the store holds, decoded and indexed: what lists, look-ups and the other actors read. Pure.
///
/// Fed with the store's entries once and with every batch of its watch since; `revision` tells up to where.
package struct Catalog: Sendable {
    package struct VM: Sendable {
        package var record: VMRecord
        /// The store's revision of the desired state.
        package var revision: Int64
        package var observed: Observed?
        package var isTombstoned: Bool

        package var status: VMStatus? { observed?.status }
    }

    /// What was seen of a VM, and the store's revision of that.
    package struct Observed: Sendable {
        package var status: VMStatus
        package var revision: Int64
    }

    package struct Network: Sendable {
        package var record: NetworkRecord
        package var revision: Int64
        package var isTombstoned: Bool
    }

    package struct Key: Sendable {
        package var record: KeyRecord
        package var revision: Int64
    }

    package struct MAC: Sendable {
        package var record: MACRecord
        package var revision: Int64
    }

    package internal(set) var revision: Int64 = 0
    package internal(set) var vms: [VMID: VM] = [:]
    package internal(set) var vmNames: [OwnedName: VMID] = [:]
    package internal(set) var networks: [Name: Network] = [:]
    package internal(set) var keys: [OwnedName: Key] = [:]
    package internal(set) var macs: [MACAddress: MAC] = [:]
    /// Records that could not be read, by key, with why: shown by `status`, never deleted.
    package internal(set) var unreadable: [String: String] = [:]
    /// Status records that came before their VM's.
    var earlyStatus: [VMID: Observed] = [:]

    package init() {}

    /// Takes in one batch of the store's watch (or its first range, as puts) and tells what changed.
    package mutating func apply(_ events: [WatchEvent], revision: Int64) -> [CatalogChange] {
        self.revision = max(self.revision, revision)
        // Tombstones first: in the transaction that deletes, the record's own key vanishes too.
        let ordered =
            events.filter { $0.key.hasPrefix(KeyPath.tombstones) }
            + events.filter { !$0.key.hasPrefix(KeyPath.tombstones) }
        return ordered.compactMap { apply($0) }
    }

    /// The keys of all that it holds.
    package var storedKeys: Set<String> {
        var keys = Set(unreadable.keys)
        for (id, vm) in vms {
            keys.insert(vm.isTombstoned ? KeyPath.tombstone("vm", id.text) : KeyPath.vm(id))
            if vm.observed != nil { keys.insert(KeyPath.vmStatus(id)) }
        }
        for id in earlyStatus.keys { keys.insert(KeyPath.vmStatus(id)) }
        for (name, network) in networks {
            keys.insert(network.isTombstoned ? KeyPath.tombstone("network", name.text) : KeyPath.network(name))
        }
        for key in self.keys.keys { keys.insert(KeyPath.key(key.owner, key.name)) }
        for mac in macs.keys { keys.insert(KeyPath.mac(mac)) }
        return keys
    }

    package func vm(owner: Name, name: Name) -> VM? {
        vmNames[OwnedName(owner, name)].flatMap { vms[$0] }
    }

    /// The VM that has a port of this name: taps are named after their MAC address, other interfaces are not.
    package func vm(withPort ifname: String) -> VMID? {
        let isIt = { (vm: VM) in vm.record.nics.contains { $0.tap == ifname } }
        if ifname.hasPrefix("v"), let digits = UInt64(ifname.dropFirst(), radix: 16),
            let id = macs[MACAddress(digits)]?.record.vm, let vm = vms[id], isIt(vm)
        {
            return id
        }
        return vms.first { isIt($0.value) }?.key
    }

    /// The SSH keys of a VM as its guest gets them: `key:NAME` stands for the owner's stored key.
    package func sshKeys(of record: VMRecord) -> [String] {
        record.resolved.sshKeys.compactMap { text in
            guard text.hasPrefix(VMSpec.storedKeyPrefix) else { return text }
            guard let name = Name(String(text.dropFirst(VMSpec.storedKeyPrefix.count))) else { return nil }
            return keys[OwnedName(record.owner, name)]?.record.publicKey
        }
    }

    /// The VMs that use a network, by their full names.
    package func users(ofNetwork name: Name) -> [OwnedName] {
        vms.values.filter { vm in vm.record.nics.contains { $0.network == name.text } }
            .map { OwnedName($0.record.owner, $0.record.name) }.sorted()
    }

    /// The VMs whose keys name a stored key.
    package func users(ofKey key: OwnedName) -> [OwnedName] {
        vms.values.filter {
            $0.record.owner == key.owner && $0.record.resolved.sshKeys.contains(VMSpec.storedKeyPrefix + key.name.text)
        }
        .map { OwnedName($0.record.owner, $0.record.name) }.sorted()
    }
}

/// A change of the catalog, for the actors whose business it is.
package enum CatalogChange: Sendable {
    case vm(VMRecord, revision: Int64)
    case vmTombstoned(VMRecord)
    case vmStatus(VMID)
    /// Its last trace is gone from the store.
    case vmGone(VMRecord)
    /// A record vanished without a tombstone: shown, never acted upon.
    case vmVanished(VMID)
    case network(NetworkRecord, revision: Int64)
    case networkTombstoned(NetworkRecord)
    case networkGone(Name)
    case key(OwnedName)
    case mac(MACAddress, MACRecord?)
}
