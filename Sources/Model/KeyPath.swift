/// The keys of the store, all under `/uncloud/v1/`; docs/store-keys.md says what each holds.
package enum KeyPath {
    /// Above all keys.
    package static let root = "/uncloud/v1/"

    /// All VM records and, below each, its status and host.
    package static let vms = root + "vms/"
    /// The desired state of a VM: `VMRecord`.
    package static func vm(_ id: VMID) -> String { vms + id.text }
    /// The observed state of a VM: `VMStatus`.
    package static func vmStatus(_ id: VMID) -> String { vm(id) + "/status" }
    /// The node that may run a VM, with a generation.
    package static func vmHost(_ id: VMID) -> String { vm(id) + "/host" }

    /// What was deleted and may have to be cleaned up: `TombstoneRecord`.
    package static let tombstones = root + "tombstones/"
    /// The tombstones of one kind, for example `vm`.
    package static func tombstones(_ kind: String) -> String { tombstones + kind + "/" }
    /// One tombstone.
    package static func tombstone(_ kind: String, _ id: String) -> String { tombstones(kind) + id }

    /// An `Idempotency-Key` of an owner's, kept for a day: the digest of its request.
    package static func idempotency(_ owner: Name, _ key: String) -> String {
        root + "idempotency/" + owner.text + "/" + key.utf8.map { hexText(UInt64($0), digits: 2) }.joined()
    }

    /// The names of VMs, each owner's of its own.
    package static let names = root + "names/"
    /// One owner's names of VMs.
    package static func names(_ owner: Name) -> String { names + owner.text + "/" }
    /// One name of a VM: `NameRecord`.
    package static func name(_ owner: Name, _ name: Name) -> String { names(owner) + name.text }

    /// The MAC addresses in use or resting.
    package static let macs = root + "macs/"
    /// One MAC address: `MACRecord`.
    package static func mac(_ mac: MACAddress) -> String { macs + mac.description }

    /// The networks.
    package static let networks = root + "networks/"
    /// One network: `NetworkRecord`.
    package static func network(_ name: Name) -> String { networks + name.text }
    /// One network, by a name that was validated before, as those in records are.
    package static func network(_ name: String) -> String { networks + name }

    /// The host indices taken.
    package static let hosts = root + "hosts/"
    /// One host index, four hexadecimal digits: `HostRecord`.
    package static func host(_ index: UInt16) -> String { hosts + hexText(UInt64(index), digits: 4) }

    /// The SSH keys of all owners.
    package static let keys = root + "keys/"
    /// One owner's SSH keys.
    package static func keys(_ owner: Name) -> String { keys + owner.text + "/" }
    /// One SSH key: `KeyRecord`.
    package static func key(_ owner: Name, _ name: Name) -> String { keys(owner) + name.text }
}

/// What a key of the store is about.
package enum StoredKind: Sendable, Hashable {
    /// A VM's desired state.
    case vm(VMID)
    /// A VM's observed state.
    case vmStatus(VMID)
    /// A VM's host.
    case vmHost(VMID)
    /// Something deleted.
    case tombstone(kind: String, id: String)
    /// A VM's name.
    case name(owner: Name, Name)
    /// A MAC address.
    case mac(MACAddress)
    /// A network.
    case network(Name)
    /// A host index.
    case host(UInt16)
    /// An SSH key.
    case key(owner: Name, Name)

    /// Reads a key; nil for one of no known form, which a newer program may have written.
    package init?(key: String) {
        guard key.hasPrefix(KeyPath.root) else { return nil }
        let parts = key.dropFirst(KeyPath.root.count).split(separator: "/", omittingEmptySubsequences: false)
            .map(String.init)
        switch (parts.first, parts.count) {
        case ("vms", 2...3): self.init(vm: parts)
        case ("tombstones", 3): self = .tombstone(kind: parts[1], id: parts[2])
        case ("names", 3), ("keys", 3):
            guard let owner = Name(parts[1]), let name = Name(parts[2]) else { return nil }
            self = parts[0] == "names" ? .name(owner: owner, name) : .key(owner: owner, name)
        case ("macs", 2):
            guard let mac = MACAddress(parts[1]) else { return nil }
            self = .mac(mac)
        case ("networks", 2):
            guard let name = Name(parts[1]) else { return nil }
            self = .network(name)
        case ("hosts", 2):
            guard parts[1].utf8.count == 4, let index = UInt16(parts[1], radix: 16) else { return nil }
            self = .host(index)
        default: return nil
        }
    }

    private init?(vm parts: [String]) {
        guard let id = VMID(parts[1]) else { return nil }
        switch parts.dropFirst(2).first {
        case nil: self = .vm(id)
        case "status": self = .vmStatus(id)
        case "host": self = .vmHost(id)
        default: return nil
        }
    }
}
