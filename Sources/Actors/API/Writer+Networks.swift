package import JSON
package import Model
internal import Store

extension Writer {
    /// Creates a network, or changes one whose guests need not notice.
    package func putNetwork(
        _ owner: Name, _ name: Name, _ body: JSONValue, _ options: WriteOptions, _ memory: WriteMemory
    ) async throws -> (network: Catalog.Network, created: Bool) {
        let written = try WriteBody.spec(of: body, kind: "network", owner: owner, name: name)
        let spec = try NetworkSpec.parse(written)
        try Self.checkServices(spec)
        if let existing = await store.catalog.networks[name] {
            guard existing.record.owner == owner, !existing.isTombstoned, !options.createOnly else {
                throw ProblemError.exists("network", name.text)
            }
            guard existing.record.resolved == spec else {
                throw ProblemError.refused(
                    "network.fixed", "network \"\(name)\" exists with another specification, which can't be changed",
                    fix: "delete it and create it anew: uncloud-node network delete \(name)")
            }
            try await claim(memory)
            return (existing, false)
        }
        if options.expectedRevision != nil { throw ProblemError.notFound("network", name.text) }
        try Self.checkOverlap(spec, await store.catalog)
        let draft = NetworkRecord(
            name: name, number: 0, owner: owner, spec: written, resolved: spec, created: clock.now())
        if options.dryRun { return (Catalog.Network(record: draft, revision: 0, isTombstoned: false), true) }
        return (try await createNetwork(draft, memory), true)
    }

    private func createNetwork(_ draft: NetworkRecord, _ memory: WriteMemory) async throws -> Catalog.Network {
        var record = draft
        record.number = try await numbers.takeNetwork()
        let made = record
        do {
            _ = try await commit("network create", memory) { catalog in
                if catalog.networks[made.name] != nil { throw ProblemError.exists("network", made.name.text) }
                try Self.checkOverlap(made.resolved, catalog)
                let key = KeyPath.network(made.name)
                return Transaction(
                    compares: [.absent(key)] + memory.compares,
                    then: [.put(key, try encodeRecord(made))] + (try memory.operations(created: true)))
            }
        } catch {
            await numbers.giveBack(network: made.number)
            throw error
        }
        return await store.catalog.networks[made.name]
            ?? Catalog.Network(record: made, revision: 0, isTombstoned: false)
    }

    /// Creates or replaces a stored SSH key.
    package func putKey(
        _ owner: Name, _ name: Name, _ body: JSONValue, _ options: WriteOptions, _ memory: WriteMemory
    ) async throws -> (key: Catalog.Key, created: Bool) {
        let written = try WriteBody.spec(of: body, kind: "key", owner: owner, name: name)
        let key = try KeyRecord.parse(written)
        let existing = await store.catalog.keys[OwnedName(owner, name)]
        if existing != nil, options.createOnly { throw ProblemError.exists("key", name.text) }
        let record = KeyRecord(
            owner: owner, name: name, publicKey: key.text, created: existing?.record.created ?? clock.now())
        if options.dryRun { return (Catalog.Key(record: record, revision: existing?.revision ?? 0), existing == nil) }
        let path = KeyPath.key(owner, name)
        _ = try await commit("key put", memory) { catalog in
            let now = catalog.keys[OwnedName(owner, name)]
            if now != nil, options.createOnly { throw ProblemError.exists("key", name.text) }
            try options.checkRevision(now?.revision ?? 0, "key", name)
            return Transaction(
                compares: [.modRevision(path, equals: now?.revision ?? 0)] + memory.compares,
                then: [.put(path, try encodeRecord(record))] + (try memory.operations(created: now == nil)))
        }
        let stored = await store.catalog.keys[OwnedName(owner, name)]
        return (stored ?? Catalog.Key(record: record, revision: 0), existing == nil)
    }

    /// Shared networks are routed to one day, so their prefixes must differ; private ones may overlap.
    private static func checkOverlap(_ spec: NetworkSpec, _ catalog: Catalog) throws {
        guard spec.kind == .shared else { return }
        for other in catalog.networks.values where other.record.resolved.kind == .shared {
            guard other.record.resolved.prefix.overlaps(spec.prefix) else { continue }
            throw ProblemError.invalid([
                FieldError(
                    pointer: "/spec/prefix", code: "overlap",
                    message: "prefix \(spec.prefix) is that of network \"\(other.record.name)\"",
                    fix: "choose a /64 that overlaps with none of: uncloud-node network list")
            ])
        }
    }

    /// An example that would be taken.
    static func freePrefix(_ catalog: Catalog) -> String {
        let used = catalog.networks.values.map(\.record.resolved.prefix)
        let examples = (1...).lazy.map { "fd00:\(String($0, radix: 16))::/64" }
        return examples.first { text in
            IPv6Prefix(text).map { prefix in !used.contains { $0.overlaps(prefix) } } ?? true
        } ?? ""
    }

    /// The node's dnsmasq does both or neither.
    private static func checkServices(_ spec: NetworkSpec) throws {
        guard (spec.ra == .managed) != (spec.dns == .managed) else { return }
        throw ProblemError.invalid([
            FieldError(
                pointer: "/spec/dns", code: "services",
                message: "ra is \(spec.ra.rawValue) and dns is \(spec.dns.rawValue)",
                fix: "let both be managed, or neither")
        ])
    }
}
