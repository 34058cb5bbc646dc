internal import Glibc
internal import Metadata
internal import Runtime

/// Gives one guest after the other new metadata, and notes how long each change took until every loop had it.
actor DirectoryChanges {
    private let shards: [MetadataShard]
    private let options: MetadataBench.Options
    private var snapshot: DirectorySnapshot
    private var version: UInt64 = 1
    private var microseconds: [Double] = []

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(_ snapshot: DirectorySnapshot, _ shards: [MetadataShard], _ options: MetadataBench.Options) {
        self.snapshot = snapshot
        self.shards = shards
        self.options = options
        loop = shards[0].loop
    }

    /// Until it is cancelled.
    func run() async throws {
        while true {
            try await loop.sleep(for: .seconds(1) / options.changes)
            let number = Int(version) % options.guests + 1
            let began = Self.now()
            snapshot.set(MetadataBench.document(number, options.body), number: UInt32(number))
            version += 1
            for shard in shards { await shard.replace(snapshot, version: version) }
            microseconds.append(Self.now() - began)
        }
    }

    /// What 99 of each 100 changes in a row took at most, in microseconds.
    var p99s: [Double] {
        stride(from: 0, through: microseconds.count - 100, by: 100).map { first in
            microseconds[first..<first + 100].sorted()[99]
        }
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }
}
