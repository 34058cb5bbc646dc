internal import Actors
internal import HTTP
internal import JSON
internal import Model

extension ResourceKind {
    /// The word for one of them, as in documents and messages.
    package var singular: String { String(rawValue.dropLast()) }

    /// The name of its schema in the OpenAPI document.
    var schema: String {
        switch self {
        case .vms: "VM"
        case .networks: "Network"
        case .keys: "Key"
        case .macs: "MAC"
        }
    }

    /// Whether the API may write it; MACs follow from VMs.
    var isWritable: Bool { self != .macs }
}

extension Route {
    /// The collections and their members, the same way for each kind.
    static let resources: [Route] = ResourceKind.allCases.flatMap { kind in
        [list(kind), get(kind)] + (kind.isWritable ? [put(kind), patch(kind), delete(kind)] : [])
    }

    private static func list(_ kind: ResourceKind) -> Route {
        Route(
            "GET", "/v1/owners/{owner}/\(kind)", "list\(kind.schema)s",
            "The \(kind) of an owner, or, with owner `-`, of all; with `watch`, their changes.",
            query: [.limit, .continue, .minimumRevision, .watch, .since],
            outcome: .jsonOrLines("\(kind.schema)List", "WatchEvent")
        ) { call in
            if call.query.flag(.watch) { return try await WatchStream.answer(call, kind: kind) }
            let page = try await call.node.list(
                kind, owner: call.ownerOrAll, limit: call.query.number(.limit).map { Int($0) },
                after: call.query.text(.continue), minimumRevision: call.minimumRevision)
            var document: JSONValue = [
                "kind": .string("\(kind.singular)-list"), "revision": .int(page.revision),
                "items": .array(page.items.map(\.document)),
            ]
            document["continue"] = page.next.map { .string($0) }
            return .json(document, revision: page.revision)
        }
    }

    private static func get(_ kind: ResourceKind) -> Route {
        Route(
            "GET", "/v1/owners/{owner}/\(kind)/{name}", "get\(kind.schema)", "One of the \(kind).",
            query: [.minimumRevision], outcome: .json(kind.schema)
        ) { call in
            .resource(
                try await call.node.get(
                    kind, owner: call.owner(), name: call.name, minimumRevision: call.minimumRevision))
        }
    }

    private static func put(_ kind: ResourceKind) -> Route {
        Route(
            "PUT", "/v1/owners/{owner}/\(kind)/{name}", "put\(kind.schema)",
            "Creates or replaces; `If-None-Match: *` creates only, `If-Match` replaces that revision only.",
            query: [.dryRun], body: ("\(kind.schema)Write", WriteBody.json), outcome: .json(kind.schema),
            statuses: [200, 201]
        ) { call in
            let resource = try await call.node.put(
                kind, owner: call.owner(), name: call.name,
                body: WriteBody.read(call, type: WriteBody.json), options: call.writeOptions())
            return .resource(resource, status: resource.created ? 201 : 200)
        }
    }

    private static func patch(_ kind: ResourceKind) -> Route {
        Route(
            "PATCH", "/v1/owners/{owner}/\(kind)/{name}", "patch\(kind.schema)",
            "Changes parts: a merge patch (RFC 7396) of what was written.",
            query: [.dryRun], body: ("\(kind.schema)Patch", WriteBody.mergePatch), outcome: .json(kind.schema)
        ) { call in
            .resource(
                try await call.node.patch(
                    kind, owner: call.owner(), name: call.name,
                    body: WriteBody.read(call, type: WriteBody.mergePatch),
                    options: call.writeOptions()))
        }
    }

    private static func delete(_ kind: ResourceKind) -> Route {
        Route(
            "DELETE", "/v1/owners/{owner}/\(kind)/{name}", "delete\(kind.schema)",
            "Deletes; answers with what was there once nothing of it is left on this node.",
            query: [.dryRun], outcome: .json(kind.schema)
        ) { call in
            .resource(
                try await call.node.delete(kind, owner: call.owner(), name: call.name, options: call.writeOptions()))
        }
    }
}
