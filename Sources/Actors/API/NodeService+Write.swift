package import JSON
internal import Model
internal import Runtime

extension NodeService {
    package func put(
        _ kind: ResourceKind, owner: String, name: String, body: JSONValue, options: WriteOptions
    ) async throws -> Resource {
        let owner = try WriteBody.name(owner, field: "owner")
        let name = try WriteBody.name(name, field: "name")
        return try await once("put", kind, owner, name, body, options) { [self] memory in
            try await put(kind, owner, name, body, options, memory)
        }
    }

    private func put(
        _ kind: ResourceKind, _ owner: Name, _ name: Name, _ body: JSONValue, _ options: WriteOptions,
        _ memory: WriteMemory
    ) async throws -> Resource {
        switch kind {
        case .vms: return try await shown(try await writer.putVM(owner, name, body, options, memory), options)
        case .networks:
            let (network, created) = try await writer.putNetwork(owner, name, body, options, memory)
            if !options.dryRun { try await parts.network.waitUntilUp(network.record) }
            return await resource(network, await parts.store.catalog, created: created)
        case .keys:
            let (key, created) = try await writer.putKey(owner, name, body, options, memory)
            return resource(key, created: created)
        case .macs: throw Self.readOnly(kind)
        }
    }

    package func patch(
        _ kind: ResourceKind, owner: String, name: String, body: JSONValue, options: WriteOptions
    ) async throws -> Resource {
        let owner = try WriteBody.name(owner, field: "owner")
        let name = try WriteBody.name(name, field: "name")
        return try await once("patch", kind, owner, name, body, options) { [self] memory in
            switch kind {
            case .vms: return try await shown(try await writer.patchVM(owner, name, body, options, memory), options)
            case .networks, .keys:
                let old = try await get(kind, owner: owner.text, name: name.text, minimumRevision: nil)
                let spec = old.document["spec"] ?? .object([:])
                let merged: JSONValue = ["spec": spec.mergePatched(by: body["spec"] ?? .object([:]))]
                var exact = options
                exact.expectedRevision = exact.expectedRevision ?? old.revision
                return try await put(kind, owner, name, merged, exact, memory)
            case .macs: throw Self.readOnly(kind)
            }
        }
    }

    package func delete(
        _ kind: ResourceKind, owner: String, name: String, options: WriteOptions
    ) async throws -> Resource {
        let owner = try WriteBody.name(owner, field: "owner")
        let name = try WriteBody.name(name, field: "name")
        return try await once("delete", kind, owner, name, .null, options) { [self] memory in
            switch kind {
            case .vms:
                let vm = try await writer.buryVM(owner, name, options, memory) {
                    resource($0, await parts.store.catalog).document
                }
                if !options.dryRun, let actor = await supervisor.actor(of: vm.record.uuid) {
                    try await actor.wait { $0.cleanFailure != nil }
                    if let why = await actor.lifecycle.cleanFailure { throw Self.unfinished(name, why) }
                }
                return resource(vm, await parts.store.catalog)
            case .networks:
                let network = try await writer.buryNetwork(owner, name, options, memory) {
                    await resource($0, await parts.store.catalog).document
                }
                if !options.dryRun { try await parts.network.waitUntilGone(network.record) }
                return await resource(network, await parts.store.catalog)
            case .keys:
                return resource(try await writer.deleteKey(owner, name, options, memory) { resource($0).document })
            case .macs: throw Self.readOnly(kind)
            }
        }
    }

    package func act(_ action: String, onVM name: String, owner: String, options: WriteOptions) async throws -> Resource
    {
        let (vm, catalog) = try await vm(owner, name)
        guard let command = VMLifecycle.Command(rawValue: action) else {
            throw ProblemError.notFound("action", action, fix: "the actions are kill, reset and restart")
        }
        guard let actor = await supervisor.actor(of: vm.record.uuid) else { throw ProblemError.notFound("vm", name) }
        return try await once(action, .vms, vm.record.owner, vm.record.name, .null, options) { [self] memory in
            guard vm.record.resolved.power != .off || command == .kill else {
                throw ProblemError.conflict(
                    "vm.off", "vm \"\(name)\" is to be off", fix: "start it: uncloud-node vm start \(name)")
            }
            try await writer.claim(memory)
            if !options.dryRun { try await actor.order(command) }
            return resource(vm, catalog)
        }
    }

    /// Carries a request out, unless one under the same Idempotency-Key was: then it is answered that one's success, with the
    /// resource as it is now.
    private func once(
        _ verb: String, _ kind: ResourceKind, _ owner: Name, _ name: Name, _ body: JSONValue, _ options: WriteOptions,
        _ perform: (WriteMemory) async throws -> Resource
    ) async throws -> Resource {
        let memory = try await writer.memory(options, owner: owner, [verb, kind.rawValue, name.text], body)
        if let earlier = try await writer.earlier(memory) { return try await answer(earlier, kind, owner, name) }
        do {
            return try await perform(memory)
        } catch is RepeatedWrite {
            guard let earlier = try await writer.earlier(memory) else { throw RepeatedWrite() }
            return try await answer(earlier, kind, owner, name)
        }
    }

    private func answer(_ earlier: IdempotencyRecord, _ kind: ResourceKind, _ owner: Name, _ name: Name) async throws
        -> Resource
    {
        if let document = earlier.document {
            return Resource(kind: kind, document: document, revision: document["revision"]?.intValue ?? 0)
        }
        var resource: Resource
        do {
            resource = try await get(kind, owner: owner.text, name: name.text, minimumRevision: nil)
        } catch let problem as ProblemError where problem.status == 404 {
            throw ProblemError(
                status: 410, code: "idempotency.gone", title: "Deleted since",
                detail: "the request was carried out, and \(kind.rawValue)/\(name) was deleted since",
                fix: "to make it anew, use a new Idempotency-Key")
        }
        resource.storeRevision = nil
        resource.created = earlier.created
        return resource
    }

    /// The VM as it is once its guest's next request gets what was written.
    private func shown(_ outcome: VMOutcome, _ options: WriteOptions) async throws -> Resource {
        let revision = outcome.vm.revision
        if !options.dryRun, let actor = try await supervisor.actor(awaiting: outcome.vm.record.uuid) {
            try await actor.wait { $0.publishedRevision >= revision }
        }
        let catalog = await parts.store.catalog
        return resource(catalog.vms[outcome.vm.record.uuid] ?? outcome.vm, catalog, created: outcome.created)
    }

    /// The tombstone stands, so the deletion goes on.
    private static func unfinished(_ name: Name, _ why: String) -> ProblemError {
        ProblemError(
            status: 500, code: "vm.delete-unfinished", title: "Something of the VM is left",
            detail: "vm \"\(name)\" is deleted, but not all of it could be removed: \(why)",
            fix: "mend the reason: it is tried again all the time")
    }

    private static func readOnly(_ kind: ResourceKind) -> ProblemError {
        ProblemError(
            status: 405, code: "\(kind.rawValue).read-only", detail: "\(kind.rawValue) can't be written",
            fix: "they come and go with VMs")
    }
}
