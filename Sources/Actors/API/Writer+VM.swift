package import JSON
package import Model
internal import Store

extension Writer {
    /// Creates or replaces a VM; returns its id, the revision and whether it was made now.
    package func putVM(
        _ owner: Name, _ name: Name, _ body: JSONValue, _ options: WriteOptions, _ memory: WriteMemory
    ) async throws -> VMOutcome {
        let written = try WriteBody.spec(of: body, kind: "vm", owner: owner, name: name)
        if await store.catalog.vm(owner: owner, name: name) != nil {
            if options.createOnly { throw ProblemError.exists("vm", name.text) }
            return try await changeVM(owner, name, options, memory) { _ in written }
        }
        if options.expectedRevision != nil { throw ProblemError.notFound("vm", name.text) }
        return try await createVM(owner, name, written, options, memory)
    }

    /// Merge-patches a VM's specification.
    package func patchVM(
        _ owner: Name, _ name: Name, _ body: JSONValue, _ options: WriteOptions, _ memory: WriteMemory
    ) async throws -> VMOutcome {
        let patch = try WriteBody.spec(of: body, kind: "vm", owner: owner, name: name)
        return try await changeVM(owner, name, options, memory, statesPower: patch["power"] != nil) {
            $0.mergePatched(by: patch)
        }
    }

    private func createVM(
        _ owner: Name, _ name: Name, _ written: JSONValue, _ options: WriteOptions, _ memory: WriteMemory
    ) async throws -> VMOutcome {
        let spec = try VMSpec.parse(written)
        try MachineFiles.check(spec)
        let draft = VMRecord(
            uuid: .random(), owner: owner, name: name, spec: written, resolved: spec, created: clock.now())
        try checkReferences(draft, await store.catalog)
        try await checkInterfaces(spec, await store.catalog)
        if options.dryRun {
            return VMOutcome(
                vm: Catalog.VM(record: draft, revision: 0, observed: nil, isTombstoned: false), created: true)
        }
        for _ in 0..<Self.candidates {
            do {
                return try await createVM(draft, memory)
            } catch let refused as RefusedCandidate {
                // Somebody else's, or it rests: the pool learns that, and gives another one.
                await macs.changed(refused.mac, refused.record)
            }
        }
        throw ProblemError.conflict(
            "mac.conflict", "\(Self.candidates) MAC addresses in turn were taken by others", fix: "try again",
            retryable: true)
    }

    /// One try, with addresses of its own.
    private func createVM(_ draft: VMRecord, _ memory: WriteMemory) async throws -> VMOutcome {
        var record = draft
        record.nics = try await allocateCards(draft.resolved)
        if record.nics.isEmpty { record.number = try await numbers.takeCard() }
        let made = record
        do {
            _ = try await commit("vm create", memory) { catalog in
                if catalog.vm(owner: made.owner, name: made.name) != nil {
                    throw ProblemError.exists("vm", made.name.text)
                }
                let networks = try checkReferences(made, catalog)
                return try creation(of: made, networks, try checkMACs(made, catalog), memory)
            }
        } catch {
            await giveBack(made, but: (error as? RefusedCandidate)?.mac)
            throw error
        }
        let vm = await store.catalog.vms[made.uuid]
        return VMOutcome(
            vm: vm ?? Catalog.VM(record: made, revision: 0, observed: nil, isTombstoned: false), created: true)
    }

    private func creation(
        of record: VMRecord, _ networks: [(key: String, revision: Int64)], _ addresses: [Compare],
        _ memory: WriteMemory
    ) throws -> Transaction {
        let nameKey = KeyPath.name(record.owner, record.name)
        var transaction = Transaction(
            compares: [.absent(nameKey), .absent(KeyPath.vm(record.uuid))] + addresses + memory.compares,
            then: [
                .put(nameKey, try encodeRecord(NameRecord(vm: record.uuid))),
                .put(KeyPath.vm(record.uuid), try encodeRecord(record)),
            ] + (try memory.operations(created: true)))
        for network in networks { transaction.compares.append(.modRevision(network.key, equals: network.revision)) }
        for (index, nic) in record.nics.enumerated() {
            let claim = MACRecord(vm: record.uuid, nic: index, token: record.uuid.text)
            transaction.then.append(.put(KeyPath.mac(nic.mac), try encodeRecord(claim)))
        }
        return transaction
    }

    private func changeVM(
        _ owner: Name, _ name: Name, _ options: WriteOptions, _ memory: WriteMemory, statesPower: Bool = true,
        _ change: @escaping @Sendable (JSONValue) -> JSONValue
    ) async throws -> VMOutcome {
        if options.dryRun {
            let changed = try changed(await store.catalog, owner, name, options, statesPower, change)
            return VMOutcome(vm: changed, created: false)
        }
        _ = try await commit("vm change", memory) { catalog in
            let vm = try changed(catalog, owner, name, options, statesPower, change)
            let key = KeyPath.vm(vm.record.uuid)
            return Transaction(
                compares: [.modRevision(key, equals: vm.revision)] + memory.compares,
                then: [.put(key, try encodeRecord(vm.record))] + (try memory.operations(created: false)))
        }
        guard let vm = await store.catalog.vm(owner: owner, name: name) else {
            throw ProblemError.notFound("vm", name.text)
        }
        return VMOutcome(vm: vm, created: false)
    }

    private func changed(
        _ catalog: Catalog, _ owner: Name, _ name: Name, _ options: WriteOptions, _ statesPower: Bool,
        _ change: (JSONValue) -> JSONValue
    ) throws -> Catalog.VM {
        guard var vm = catalog.vm(owner: owner, name: name) else { throw ProblemError.notFound("vm", name.text) }
        try options.checkRevision(vm.revision, "vm", name)
        let written = change(vm.record.spec)
        let spec = try VMSpec.parse(written)
        guard spec.nics == vm.record.resolved.nics else {
            throw ProblemError.invalid([
                FieldError(
                    pointer: "/spec/nics", code: "fixed", message: "nics of an existing VM can't be changed",
                    fix: "delete the VM and create it anew, or leave nics as it is")
            ])
        }
        if !spec.makesSameMachine(as: vm.record.resolved) { try MachineFiles.check(spec) }
        vm.record.spec = written
        vm.record.resolved = spec
        vm.record.generation += 1
        if statesPower { vm.record.powerGeneration = vm.record.generation }
        try checkReferences(vm.record, catalog)
        return vm
    }
}

/// A MAC address that the pool gave belongs to somebody, or rests.
struct RefusedCandidate: Error {
    var mac: MACAddress
    var record: MACRecord
}

/// What a write of a VM led to.
package struct VMOutcome: Sendable {
    package var vm: Catalog.VM
    package var created: Bool
}

extension WriteOptions {
    /// - Throws: `ProblemError` `KIND.changed` (412) when the write is for another revision.
    func checkRevision(_ revision: Int64, _ kind: String, _ name: Name) throws {
        guard let expectedRevision, expectedRevision != revision else { return }
        throw ProblemError(
            status: 412, code: "\(kind).changed", title: "The revision does not match",
            detail: "\(kind) \"\(name)\" is at revision \(revision), not \(expectedRevision)",
            fix: "read it again, and repeat the change")
    }
}
