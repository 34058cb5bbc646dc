internal import Model
internal import Network
internal import Store

extension Writer {
    /// Checks that what a VM refers to exists; gives the networks' keys and revisions, for the transaction's conditions.
    @discardableResult
    func checkReferences(_ record: VMRecord, _ catalog: Catalog) throws -> [(key: String, revision: Int64)] {
        var errors: [FieldError] = []
        var networks: [String: Int64] = [:]
        for (index, nic) in record.resolved.nics.enumerated() {
            let network = Name(nic.network).flatMap { catalog.networks[$0] }
            let isOurs = network.map { $0.record.resolved.kind == .shared || $0.record.owner == record.owner } ?? false
            if let network, isOurs, !network.isTombstoned {
                networks[KeyPath.network(network.record.name)] = network.revision
            } else {
                let free = Self.freePrefix(catalog)
                errors.append(
                    FieldError(
                        pointer: "/spec/nics/\(index)/network", code: "not-found",
                        message: "no network \"\(nic.network)\"",
                        fix: "create it first: uncloud-node network create \(nic.network) --prefix \(free)"))
            }
        }
        for (index, key) in record.resolved.sshKeys.enumerated() where key.hasPrefix(VMSpec.storedKeyPrefix) {
            let text = String(key.dropFirst(VMSpec.storedKeyPrefix.count))
            guard Name(text).map({ catalog.keys[OwnedName(record.owner, $0)] == nil }) ?? true else { continue }
            errors.append(
                FieldError(
                    pointer: "/spec/sshKeys/\(index)", code: "not-found", message: "no key \"\(text)\"",
                    fix: "add it first: uncloud-node key add \(text) @FILE"))
        }
        guard errors.isEmpty else { throw ProblemError.invalid(errors, code: "vm.invalid") }
        return networks.map { ($0.key, $0.value) }
    }

    /// Checks that the interfaces of a guest that something else runs are there, can be ports, and are nobody else's.
    func checkInterfaces(_ spec: VMSpec, _ catalog: Catalog) async throws {
        guard spec.isExternal else { return }
        let taken = Dictionary(
            catalog.vms.values.flatMap { vm in vm.record.nics.map { ($0.tap, vm.record.name) } },
            uniquingKeysWith: { one, _ in one })
        var errors: [FieldError] = []
        for (index, nic) in spec.nics.enumerated() {
            guard let name = nic.interface else { continue }
            let refuse = { (code: String, message: String, fix: String) in
                errors.append(
                    FieldError(pointer: "/spec/nics/\(index)/interface", code: code, message: message, fix: fix))
            }
            if let vm = taken[name] {
                refuse(
                    "exists", "interface \"\(name)\" belongs to VM \"\(vm)\"",
                    "choose another one, or delete that VM first")
                continue
            }
            do {
                try await checkInterface(name)
                if let address = hostAddress(of: name) {
                    refuse(
                        "in-use", "interface \"\(name)\" has the address \(address): the host itself uses it",
                        "choose another one, or take its addresses off first: ip address flush dev \(name)")
                }
            } catch let failure as HelperFailure where failure.code == "interface.not-found" {
                refuse(
                    "not-found", "no interface \"\(name)\"",
                    "make it first; see what is there: ip link, and: uncloud-node net exec -- ip link")
            } catch let failure as HelperFailure where failure.code == "interface.unfit" {
                refuse("unfit", failure.message, failure.fix ?? "choose another one")
            }
        }
        guard errors.isEmpty else { throw ProblemError.invalid(errors, code: "vm.invalid") }
    }

    /// A card for each interface of a specification: its MAC address (the one asked for, or a free one) and number.
    func allocateCards(_ spec: VMSpec) async throws -> [NICRecord] {
        var cards: [NICRecord] = []
        do {
            for nic in spec.nics {
                let mac: MACAddress
                if let wanted = nic.mac { mac = wanted } else { mac = try await macs.take() }
                let number: UInt32
                do {
                    number = try await numbers.takeCard()
                } catch {
                    if nic.mac == nil { await macs.giveBack(mac) }
                    throw error
                }
                cards.append(NICRecord(mac: mac, number: number, tap: nic.interface, network: nic.network))
            }
        } catch {
            await giveBack(cards, spec)
            throw error
        }
        return cards
    }

    /// The conditions under which a VM may have its MAC addresses: each belongs to nobody, or has rested long enough.
    ///
    /// - Throws: `RefusedCandidate` for an address of the pool; `ProblemError` `mac.exists` for one that the user chose.
    func checkMACs(_ record: VMRecord, _ catalog: Catalog) throws -> [Compare] {
        let now = clock.unixSeconds()
        return try zip(record.nics, record.resolved.nics).enumerated().map { index, pair in
            let (nic, wanted) = pair
            let key = KeyPath.mac(nic.mac)
            guard let holder = catalog.macs[nic.mac] else { return .absent(key) }
            let restsUntil = MACAllocator.restsUntil(holder.record)
            if let restsUntil, restsUntil <= now { return .modRevision(key, equals: holder.revision) }
            if wanted.mac == nil { throw RefusedCandidate(mac: nic.mac, record: holder.record) }
            let until = restsUntil.map { Timestamp.text(unixMilliseconds: $0 * 1000) }
            let state = until.map { "was freed a short while ago and rests until \($0)" } ?? "is in use"
            throw ProblemError(
                status: 409, code: "mac.exists", title: "The MAC address is taken",
                detail: "the MAC address \(nic.mac) \(state)",
                errors: [
                    FieldError(
                        pointer: "/spec/nics/\(index)/mac", code: "exists", message: "\(nic.mac) \(state)",
                        fix: "leave mac out, and a free one is chosen")
                ], fix: "leave mac out, and a free one is chosen; see: uncloud-node mac list")
        }
    }

    /// Gives back what a creation that failed had taken, but for the address that is somebody's.
    func giveBack(_ record: VMRecord, but refused: MACAddress?) async {
        let kept = zip(record.nics, record.resolved.nics).filter { $0.0.mac != refused }
        await numbers.giveBack(cards: record.numbers)
        // An address that the user chose was never taken from the pool.
        for (card, nic) in kept where nic.mac == nil { await macs.giveBack(card.mac) }
    }

    private func giveBack(_ cards: [NICRecord], _ spec: VMSpec) async {
        await numbers.giveBack(cards: cards.map(\.number))
        // An address that the user chose was never taken from the pool.
        for (card, nic) in zip(cards, spec.nics) where nic.mac == nil { await macs.giveBack(card.mac) }
    }
}
