package import JSON
package import Model
internal import Store

extension Writer {
    /// A few names of many.
    static func some(_ names: [OwnedName]) -> String {
        names.prefix(3).map(\.name.text).joined(separator: ", ") + (names.count > 3 ? ", ..." : "")
    }

    /// Puts a tombstone in a VM's place. From then on its actor removes what is left of it.
    package func buryVM(
        _ owner: Name, _ name: Name, _ options: WriteOptions, _ memory: WriteMemory,
        answer: @Sendable (Catalog.VM) async -> JSONValue
    ) async throws -> Catalog.VM {
        let check: @Sendable (Catalog) throws -> Catalog.VM = { catalog in
            guard let vm = catalog.vm(owner: owner, name: name) else { throw ProblemError.notFound("vm", name.text) }
            try options.checkRevision(vm.revision, "vm", name)
            if vm.record.resolved.protected == true {
                throw ProblemError.refused(
                    "vm.protected", "vm \"\(name)\" is protected against deletion",
                    fix: "take the protection off: uncloud-node vm set \(name) --no-protected")
            }
            if let state = vm.status?.state, ![.stopped, .failed, .pending].contains(state) {
                throw ProblemError.refused(
                    "vm.running", "vm \"\(name)\" is \(state.rawValue) and can't be deleted",
                    fix: state == .stopping
                        ? "wait until it is off: uncloud-node vm wait \(name) --for stopped"
                        : "stop it first: uncloud-node vm stop \(name)")
            }
            return vm
        }
        let vm = try check(await store.catalog)
        if options.dryRun { return vm }
        _ = try await commit("vm delete", memory) { catalog in
            let vm = try check(catalog)
            let id = vm.record.uuid
            let tombstone = TombstoneRecord(
                kind: "vm", id: id.text, last: try encodeToValue(vm.record), deleted: clock.now())
            return Transaction(
                compares: [.modRevision(KeyPath.vm(id), equals: vm.revision)] + memory.compares,
                then: [
                    .put(KeyPath.tombstone("vm", id.text), try encodeRecord(tombstone)), .delete(KeyPath.vm(id)),
                    .delete(KeyPath.name(owner, name)),
                ] + (try memory.operations(created: false, document: await answer(vm))))
        }
        return vm
    }

    /// Puts a tombstone in a network's place; refuses one that VMs use.
    func buryNetwork(
        _ owner: Name, _ name: Name, _ options: WriteOptions, _ memory: WriteMemory,
        answer: @Sendable (Catalog.Network) async -> JSONValue
    ) async throws -> Catalog.Network {
        let check: @Sendable (Catalog) throws -> Catalog.Network = { catalog in
            guard let network = catalog.networks[name], network.record.owner == owner, !network.isTombstoned else {
                throw ProblemError.notFound("network", name.text)
            }
            try options.checkRevision(network.revision, "network", name)
            let users = catalog.users(ofNetwork: name)
            guard users.isEmpty else {
                throw ProblemError.refused(
                    "network.in-use",
                    "network \"\(name)\" is used by \(counted(users.count, "VM")) (\(Self.some(users)))",
                    fix: "delete them first")
            }
            return network
        }
        let network = try check(await store.catalog)
        if options.dryRun { return network }
        _ = try await commit("network delete", memory) { catalog in
            let network = try check(catalog)
            let tombstone = TombstoneRecord(
                kind: "network", id: name.text, last: try encodeToValue(network.record), deleted: clock.now())
            // A VM created at the same time has the network's revision among its conditions, so one of the two loses.
            return Transaction(
                compares: [.modRevision(KeyPath.network(name), equals: network.revision)] + memory.compares,
                then: [
                    .put(KeyPath.tombstone("network", name.text), try encodeRecord(tombstone)),
                    .delete(KeyPath.network(name)),
                ] + (try memory.operations(created: false, document: await answer(network))))
        }
        return network
    }

    /// Deletes a stored key; refuses one that VMs name.
    package func deleteKey(
        _ owner: Name, _ name: Name, _ options: WriteOptions, _ memory: WriteMemory,
        answer: @Sendable (Catalog.Key) async -> JSONValue
    ) async throws -> Catalog.Key {
        let check: @Sendable (Catalog) throws -> Catalog.Key = { catalog in
            guard let key = catalog.keys[OwnedName(owner, name)] else { throw ProblemError.notFound("key", name.text) }
            try options.checkRevision(key.revision, "key", name)
            let users = catalog.users(ofKey: OwnedName(owner, name))
            guard users.isEmpty else {
                throw ProblemError.refused(
                    "key.in-use", "key \"\(name)\" is named by VM \"\(users[0].name)\"",
                    fix: "take it from the VM first: uncloud-node vm set \(users[0].name) --ssh-key KEY")
            }
            return key
        }
        let key = try check(await store.catalog)
        if options.dryRun { return key }
        _ = try await commit("key delete", memory) { catalog in
            let key = try check(catalog)
            let path = KeyPath.key(owner, name)
            return Transaction(
                compares: [.modRevision(path, equals: key.revision)] + memory.compares,
                then: [.delete(path)] + (try memory.operations(created: false, document: await answer(key))))
        }
        return key
    }
}
