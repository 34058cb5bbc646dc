internal import JSON
internal import Model

/// The documents that the control API shows, made of records. Pure.
enum Documents {
    static func vm(_ vm: Catalog.VM, node: String, prefixes: [String: IPv6Prefix]) -> JSONValue {
        let record = vm.record
        return [
            "kind": "vm", "owner": .string(record.owner.text), "name": .string(record.name.text),
            "uuid": .string(record.uuid.text), "revision": .int(vm.revision), "created": .string(record.created),
            "generation": .int(Int64(record.generation)), "spec": record.spec, "resolved": resolved(record.resolved),
            "nics": .array(record.nics.map { nic($0, prefixes[$0.network]) }),
            "status": status(vm, node: node),
        ]
    }

    /// The addresses that a guest makes of a card's MAC by EUI-64: link-local, and the network's.
    static func addresses(_ nic: NICRecord, _ prefix: IPv6Prefix?) -> [IPv6Address] {
        [nic.mac.linkLocal] + (prefix.map { [$0.eui64(nic.mac)] } ?? [])
    }

    static func network(_ network: Catalog.Network, ports: Int, condition: (state: String, message: String))
        -> JSONValue
    {
        let record = network.record
        return [
            "kind": "network", "owner": .string(record.owner.text), "name": .string(record.name.text),
            "number": .int(Int64(record.number)), "revision": .int(network.revision),
            "created": .string(record.created), "spec": record.spec,
            "resolved": (try? encodeToValue(record.resolved)) ?? .null,
            "status": [
                "state": .string(condition.state), "message": .string(condition.message), "ports": .int(Int64(ports)),
            ],
        ]
    }

    static func key(_ key: Catalog.Key) -> JSONValue {
        let record = key.record
        return [
            "kind": "key", "owner": .string(record.owner.text), "name": .string(record.name.text),
            "revision": .int(key.revision), "created": .string(record.created),
            "spec": ["publicKey": .string(record.publicKey)],
        ]
    }

    static func mac(_ address: MACAddress, _ mac: Catalog.MAC, _ vm: Catalog.VM?) -> JSONValue {
        [
            "kind": "mac", "name": .string(address.description), "mac": .string(address.description),
            "revision": .int(mac.revision), "owner": vm.map { .string($0.record.owner.text) } ?? .null,
            "vm": vm.map { .string($0.record.name.text) } ?? .null,
            "state": mac.record.freed == nil ? "used" : "quarantine",
            "freed": mac.record.freed.map { .string($0) } ?? .null,
        ]
    }

    private static func nic(_ nic: NICRecord, _ prefix: IPv6Prefix?) -> JSONValue {
        [
            "network": .string(nic.network), "mac": .string(nic.mac.description), "tap": .string(nic.tap),
            "number": .int(Int64(nic.number)),
            "addresses": .array(addresses(nic, prefix).map { .string($0.description) }),
        ]
    }

    /// The defaults filled in; what may be a secret stands in `spec` alone.
    private static func resolved(_ spec: VMSpec) -> JSONValue {
        var open = spec
        open.userData = nil
        open.vendorData = nil
        open.networkConfig = nil
        return (try? encodeToValue(open)) ?? .null
    }

    private static func status(_ vm: Catalog.VM, node: String) -> JSONValue {
        let status = vm.status
        let conditions: [JSONValue] = (status?.conditions ?? []).map {
            [
                "type": .string($0.type), "status": .string($0.status), "reason": .string($0.reason),
                "message": .string($0.message), "since": .string($0.since),
            ]
        }
        return [
            "state": .string(vm.isTombstoned ? "stopping" : (status?.state ?? .pending).rawValue),
            "node": .string(node), "pid": status?.pid.map { .int(Int64($0)) } ?? .null,
            "observedRevision": .int(status?.observedRevision ?? 0), "conditions": .array(conditions),
            "restarts": .int(Int64(status?.restarts ?? 0)), "boots": .int(Int64(status?.boots ?? 0)),
            "started": status?.started.map { .string($0) } ?? .null,
            "ready": .bool(
                status?.conditions.contains { $0.type == VMLifecycle.ready && $0.status == "true" } ?? false),
        ]
    }
}
