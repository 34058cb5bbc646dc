package import JSON
internal import Machine
internal import Metadata
internal import Model
internal import Network
package import Runtime
internal import Store

extension NodeService {
    package func status() async throws -> JSONValue {
        let catalog = await parts.store.catalog
        let helper = try? await parts.network.reach()
        let info = try? await helper?.hello()
        let problems = await problems(catalog, helper)
        var states: [String: Int64] = [:]
        for vm in catalog.vms.values { states[(vm.status?.state ?? .pending).rawValue, default: 0] += 1 }
        return [
            "node": .string(parts.configuration.nodeName), "version": .string(Version.text),
            "cluster": .string(parts.store.store.clusterID), "revision": .int(catalog.revision),
            "loops": .int(Int64(parts.loops.count)), "accelerator": .string(parts.machines.accelerator.rawValue),
            "qemu": .string(parts.machines.qemuVersion),
            "vms": .object(states.mapValues { .int($0) }), "networks": .int(Int64(catalog.networks.count)),
            "helper": info.map { ["pid": .int(Int64($0.pid)), "version": .int(Int64($0.version))] } ?? .null,
            "ok": .bool(problems.isEmpty), "problems": .array(problems.map { .string($0) }),
        ]
    }

    private func problems(_ catalog: Catalog, _ helper: HelperClient?) async -> [String] {
        var problems: [String] = []
        if let helper {
            do {
                problems += try await helper.check()
            } catch {
                problems.append("the net-helper does not answer: \(error)")
            }
        } else {
            problems.append("the net-helper is not running; it is being started")
        }
        if !parts.network.hasHolder {
            problems.append("the holder of the network namespace is not running; it is being started")
        }
        if await parts.network.firewall.health.isBroken {
            problems.append("the firewall's rules are broken; see: uncloud-node firewall show")
        }
        for network in catalog.networks.values {
            let condition = await parts.network.condition(of: network.record.name)
            if condition.state == "failed" { problems.append("network \(network.record.name): \(condition.message)") }
        }
        for vm in catalog.vms.values {
            let running = vm.status?.conditions.first { $0.type == "Running" }
            let isWrong = vm.status.map { [.unresponsive, .failed, .unknown].contains($0.state) } ?? false
            guard isWrong || ["LookFailed", "CleanFailed"].contains(running?.reason) else { continue }
            let reason = running?.message ?? ""
            problems.append("vm \(vm.record.owner)/\(vm.record.name): \(reason)")
        }
        problems += catalog.unreadable.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        return problems
    }

    package func metadata(owner: String, name: String, secrets: Bool) async throws -> JSONValue {
        let (vm, catalog) = try await vm(owner, name)
        let record = vm.record
        let facts = GuestFacts(
            uuid: record.uuid.text, name: record.name.text, owner: record.owner.text,
            sshKeys: catalog.sshKeys(of: record), userData: record.resolved.userData,
            vendorData: record.resolved.vendorData, networkConfig: record.resolved.networkConfig)
        return .object(
            Dictionary(
                uniqueKeysWithValues: Dialects.pages(for: facts).map { page in
                    let isHidden = page.isSecret && !secrets && !page.body.isEmpty
                    return (page.path, .string(isHidden ? redacted(page.body) : page.body))
                }))
    }

    package func console(owner: String, name: String) async throws -> Connection {
        let (vm, _) = try await vm(owner, name)
        guard vm.status?.pid != nil else {
            throw ProblemError.conflict(
                "vm.off", "vm \"\(name)\" has no process, and so no console",
                fix: "start it: uncloud-node vm start \(name); its last output: uncloud-node vm log \(name)")
        }
        return try await parts.consoles.stream(vm.record.uuid)
    }

    package func consoleLog(owner: String, name: String) async throws -> [UInt8] {
        let (vm, _) = try await vm(owner, name)
        return try await parts.consoles.log(vm.record.uuid)
    }

    package func firewall() async throws -> JSONValue {
        let helper = try await parts.network.reach()
        let counters = try await helper.counters()
        let catalog = await parts.store.catalog
        let names = Self.portNames(catalog)
        let drops: [JSONValue] = counters.sorted { $0.key < $1.key }.flatMap { ifname, reasons in
            reasons.sorted { $0.key < $1.key }.map { reason, counts in
                [
                    "port": .string(ifname), "vm": names[ifname].map { .string($0) } ?? .null,
                    "reason": .string(reason), "packets": .int(counts.first ?? 0),
                    "bytes": .int(counts.dropFirst().first ?? 0),
                ]
            }
        }
        let health = await parts.network.firewall.health
        return [
            "rules": .string(try await helper.listRules()), "drops": .array(drops),
            "problems": .array(try await helper.check().map { .string($0) }), "mends": .int(Int64(health.mends)),
            "lastMend": health.lastMend.map { .string($0) } ?? .null,
        ]
    }

    private static func portNames(_ catalog: Catalog) -> [String: String] {
        var names: [String: String] = [:]
        for vm in catalog.vms.values {
            for nic in vm.record.nics { names[nic.tap] = "\(vm.record.owner)/\(vm.record.name)" }
        }
        return names
    }

    package func who(_ term: String) async throws -> JSONValue {
        let catalog = await parts.store.catalog
        let prefixes = catalog.prefixes
        let address = IPv6Address(term)
        let mac = MACAddress(term)
        let pid = Int32(term)
        for vm in catalog.vms.values {
            let isIt = vm.record.nics.contains { nic in
                nic.tap == term || nic.mac == mac
                    || address.map { Documents.addresses(nic, prefixes[nic.network]).contains($0) } ?? false
            }
            guard isIt || (pid != nil && vm.status?.pid == pid) || vm.record.uuid.text == term else { continue }
            return resource(vm, catalog).document
        }
        throw ProblemError.notFound(
            "vm", term, fix: "give an IPv6 address, a MAC, a tap's name, a process id or a UUID")
    }

    /// What is on this host that no record explains. Nothing is removed for being unknown.
    package func garbage() async throws -> JSONValue {
        let catalog = await parts.store.catalog
        let inventory = try await parts.network.reach().inventory()
        let taps = Set(catalog.vms.values.flatMap { $0.record.nics.map(\.tap) })
        let numbers = Set(catalog.networks.values.map(\.record.number))
        var found: [JSONValue] = []
        for port in inventory.ports where !taps.contains(port.ifname) {
            found.append(Self.unknown("port", port.ifname, "no VM has this port"))
        }
        for network in inventory.networks where !numbers.contains(network.number) {
            found.append(Self.unknown("network", network.name, "no record of this network"))
        }
        let known = Set(
            ["lo"] + inventory.ports.map(\.ifname) + inventory.networks.flatMap { [$0.bridge, $0.serviceVeth] })
        for link in inventory.links where !known.contains(link.name) {
            found.append(Self.unknown("interface", link.name, "it belongs to nothing known"))
        }
        for (name, pid) in try Teardown.machines(parts.configuration)
        where VMID(name).map({ catalog.vms[$0] == nil }) ?? true {
            found.append(Self.unknown("process", String(pid), "no record explains the machine in vms/\(name)"))
        }
        for directory in try await parts.machines.directories()
        where VMID(directory).map({ catalog.vms[$0] == nil }) ?? true {
            found.append(Self.unknown("directory", directory, "no VM has this directory"))
        }
        return ["items": .array(found), "count": .int(Int64(found.count))]
    }

    private static func unknown(_ kind: String, _ name: String, _ reason: String) -> JSONValue {
        ["kind": .string(kind), "name": .string(name), "reason": .string(reason), "action": "none: it is only shown"]
    }
}
