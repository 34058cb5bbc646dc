internal import Actors
internal import HTTP
internal import JSON
internal import Model

extension Route {
    /// What VMs have beside the rest.
    static let machines: [Route] = [
        Route(
            "GET", "/v1/vms/{uuid}", "getVMByUUID", "The VM with this UUID, whoever owns it.",
            query: [.minimumRevision], outcome: .json("VM")
        ) { call in
            .resource(try await call.node.get(uuid: call.parameter("uuid"), minimumRevision: call.minimumRevision))
        },
        part("status", "VMStatus", "What is observed of a VM.") { $0["status"] ?? .object([:]) },
        part("nics", "NICs", "A VM's network interfaces.") { ["items": $0["nics"] ?? []] },
        part("addresses", "Addresses", "A VM's addresses.") { document in
            let nics = document["nics"]?.arrayValue ?? []
            return ["items": .array(nics.flatMap { $0["addresses"]?.arrayValue ?? [] })]
        },
        Route(
            "GET", "/v1/owners/{owner}/vms/{name}/metadata", "getVMMetadata",
            "What the guest is told, by path of the native dialect; secrets are redacted unless asked for.",
            query: [.secrets], outcome: .json("Metadata")
        ) { call in
            .json(
                try await call.node.metadata(
                    owner: call.owner(), name: call.name, secrets: call.query.flag(.secrets)))
        },
        Route(
            "GET", "/v1/owners/{owner}/vms/{name}/log", "getVMLog", "The kept end of the VM's console output.",
            outcome: .text
        ) { call in
            .bytes(
                try await call.node.consoleLog(owner: call.owner(), name: call.name), type: "text/plain; charset=utf-8")
        },
        Route(
            "GET", "/v1/owners/{owner}/vms/{name}/console", "attachVMConsole",
            "The VM's serial console, as raw bytes after `Upgrade: \(ConsoleUpgrade.protocolName)`.",
            outcome: .upgrade, statuses: [101], run: ConsoleUpgrade.answer),
        Route(
            "POST", "/v1/owners/{owner}/vms/{name}/actions/{action}", "actOnVM",
            "An imperative: reset, restart or kill. Desired power is `spec.power`.", query: [.dryRun],
            outcome: .json("VM")
        ) { call in
            .resource(
                try await call.node.act(
                    call.parameter("action"), onVM: call.name, owner: call.owner(), options: call.writeOptions()))
        },
    ]

    /// A part of a VM's document under a path of its own.
    private static func part(
        _ name: String, _ schema: String, _ summary: String, of document: @escaping @Sendable (JSONValue) -> JSONValue
    ) -> Route {
        Route(
            "GET", "/v1/owners/{owner}/vms/{name}/\(name)", "getVM\(name.prefix(1).uppercased())\(name.dropFirst())",
            summary, query: [.minimumRevision], outcome: .json(schema)
        ) { call in
            let resource = try await call.node.get(
                .vms, owner: call.owner(), name: call.name, minimumRevision: call.minimumRevision)
            return .json(document(resource.document), revision: resource.revision)
        }
    }
}
