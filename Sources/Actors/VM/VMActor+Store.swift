package import Model
package import Store

extension VMActor {
    /// Writes the status. The daemon's own record of what it sees: no other writer, so no precondition.
    func saveStatus() async throws {
        let put = Op.put(
            KeyPath.vmStatus(id), try encodeRecord(lifecycle.status))
        _ = try await parts.store.commit(Transaction(then: [put]), "vm status \(lifecycle.status.intent ?? "")")
    }

    /// Removes what the deletion left in the store, and puts the VM's MAC addresses to rest.
    func finishDeletion() async {
        do {
            let end = try Deletion.end(of: lifecycle.record, at: parts.clock.now())
            let done = try await parts.store.commit(end, "vm gone")
            // Whoever was told that it is gone finds its addresses at rest.
            await parts.store.caughtUp(to: done.revision)
            post(.forgotten)
        } catch {
            post(.cleanFailed("the store did not take the end of the deletion: \(error)"))
        }
    }
}

/// The last step of a VM's deletion.
package enum Deletion {
    /// What removes a VM's last traces from the store and puts its MAC addresses to rest, from `freed` on. It happens once, if
    /// at all: without the tombstone the addresses may be another VM's by now.
    package static func end(of record: VMRecord, at freed: String) throws -> Transaction {
        let id = record.uuid
        let tombstone = KeyPath.tombstone("vm", id.text)
        var then: [Op] = [.delete(tombstone), .delete(KeyPath.vmStatus(id)), .delete(KeyPath.vmHost(id))]
        for (index, nic) in record.nics.enumerated() {
            let rest = MACRecord(vm: id, nic: index, token: id.text, freed: freed)
            then.append(.put(KeyPath.mac(nic.mac), try encodeRecord(rest)))
        }
        return Transaction(compares: [.exists(tombstone)], then: then)
    }
}
