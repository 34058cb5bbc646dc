package import Model
package import Store

/// What a watch that begins in the past knows of the VMs as they were. Pure.
///
/// A VM is told from two records of the store, what is wanted and what was seen, and a change brings one of them. The other one
/// is what the watch has brought of it so far; else the catalog's, where that is no newer; else there was none, where the
/// record had just been made. Only where the other one changes later in the same watch, and what it was before is not kept, it is
/// told as it is now.
package struct VMReplay {
    private var records: [VMID: Catalog.VM] = [:]
    private var observations: [VMID: Catalog.Observed] = [:]

    package init() {}

    /// What is wanted of a VM was written.
    package mutating func written(_ record: VMRecord, _ entry: Entry, _ catalog: Catalog) -> Catalog.VM {
        let id = record.uuid
        var observed = observations[id]
        if observed == nil, let present = catalog.vms[id]?.observed {
            let isNew = entry.createRevision == entry.modRevision
            if present.revision <= entry.modRevision || !isNew { observed = present }
        }
        let vm = Catalog.VM(record: record, revision: entry.modRevision, observed: observed, isTombstoned: false)
        records[id] = vm
        return vm
    }

    /// What was seen of a VM was written. Nil for one that is being cleared away: that has been told as deleted.
    package mutating func written(_ status: VMStatus, of id: VMID, revision: Int64, _ catalog: Catalog) -> Catalog.VM? {
        let observed = Catalog.Observed(status: status, revision: revision)
        guard var vm = records[id] ?? catalog.vms[id], !vm.isTombstoned else { return nil }
        observations[id] = observed
        vm.observed = observed
        return vm
    }

    package mutating func deleted(_ id: VMID) {
        records[id] = nil
        observations[id] = nil
    }

    /// All changes up to a revision were told. In the present the catalog knows it all.
    package mutating func cameTo(_ revision: Int64, _ catalog: Catalog) {
        guard catalog.revision <= revision else { return }
        records = [:]
        observations = [:]
    }
}
