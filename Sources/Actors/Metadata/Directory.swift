package import Metadata
package import Runtime

/// Which guest is told what: the one writer of the snapshots that the metadata shards answer from.
///
/// `publish` returns when every loop has the new snapshot, so that a caller may promise it to whoever asked.
package actor Directory {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    package nonisolated let shards: [MetadataShard]
    private var snapshot = DirectorySnapshot()
    private var version: UInt64 = 0

    package init(shards: [MetadataShard], loop: EventLoop) {
        self.shards = shards
        self.loop = loop
    }

    /// Sets what the guest behind these network cards is told; nil takes it away.
    package func publish(_ document: GuestDocument?, numbers: [UInt32]) async {
        for number in numbers { snapshot.set(document, number: number) }
        version += 1
        let (snapshot, version) = (snapshot, version)
        // A later call may overtake this one between two shards; each shard keeps the newest version.
        for shard in shards { await shard.replace(snapshot, version: version) }
    }
}
