/// One thing that a program did to a disk.
package enum DiskOperation: Sendable {
    /// A file was made.
    case create(String)
    /// Bytes were written.
    case write(String, offset: Int, bytes: [UInt8])
    /// A file was cut to a size.
    case truncate(String, size: Int)
    /// A file, and its entry in the directory, were forced onto the disk.
    case sync(String)
    /// A file was deleted; `synced` if the directory was forced onto the disk too.
    case delete(String, synced: Bool)
    /// Nothing: the test marks a moment, for example that a commit was acknowledged.
    case mark(String)
}

/// What a loss of power leaves of writes that were not yet forced onto the disk. Each is something that real disks do.
package enum Survivors: Sendable, Hashable, CustomStringConvertible {
    /// Nothing.
    case none
    /// Everything, as if the power had failed after the cache was written.
    case all
    /// Some sectors of 512 bytes and not others, in no order, chosen by the seed.
    case some(seed: UInt64)

    /// For messages.
    package var description: String {
        switch self {
        case .none: "nothing unsynced survives"
        case .all: "everything survives"
        case .some(let seed): "some sectors survive, seed \(seed)"
        }
    }
}

/// Everything that was done to a disk, and what a loss of power at any moment leaves.
package struct DiskJournal: Sendable {
    /// The files before the first operation.
    package var start: [String: [UInt8]] = [:]
    /// In order.
    package var operations: [DiskOperation] = []

    /// Makes an empty one.
    package init() {}

    /// How many times the mark was set within the first `count` operations.
    package func marks(_ name: String, within count: Int) -> Int {
        operations.prefix(count).count { operation in
            if case .mark(name) = operation { true } else { false }
        }
    }

    /// The files after a loss of power when `count` operations were done.
    package func files(after count: Int, survivors: Survivors) -> [String: [UInt8]] {
        var replay = DiskReplay(self)
        replay.advance(to: count)
        return replay.files(survivors)
    }
}

/// Goes through a journal, so that the moments of a run need not each be replayed from its beginning.
package struct DiskReplay: Sendable {
    private let journal: DiskJournal
    private var disk: [String: CutFile]
    /// Files that were deleted without their directory being synced: they may come back.
    private var deleted: [String: CutFile] = [:]
    /// Operations done so far.
    package private(set) var count = 0

    /// Begins before the first operation.
    package init(_ journal: DiskJournal) {
        self.journal = journal
        disk = journal.start.mapValues { CutFile(durable: $0, exists: true) }
    }

    /// Does the operations up to the count given, which must not lie behind.
    package mutating func advance(to target: Int) {
        precondition(target >= count, "a replay goes forward only")
        while count < min(target, journal.operations.count) {
            perform(journal.operations[count])
            count += 1
        }
    }

    private mutating func perform(_ operation: DiskOperation) {
        switch operation {
        case .create(let name): if disk[name] == nil { disk[name] = CutFile() }
        case .write(let name, let offset, let bytes):
            disk[name, default: CutFile()].pending.append(.write(offset: offset, bytes: bytes))
        case .truncate(let name, let size): disk[name, default: CutFile()].pending.append(.truncate(size: size))
        case .sync(let name): disk[name]?.sync()
        case .delete(let name, let synced):
            let file = disk.removeValue(forKey: name)
            deleted[name] = synced ? nil : file
        case .mark: break
        }
    }

    /// What a loss of power at this moment leaves.
    package func files(_ survivors: Survivors) -> [String: [UInt8]] {
        var random = SplitMix(state: 0)
        if case .some(let seed) = survivors { random = SplitMix(state: seed) }
        // A deletion whose directory was not synced comes to nothing when nothing survives.
        let returned = deleted.filter { name, _ in
            switch survivors {
            case .none: true
            case .all: false
            case .some: disk[name] == nil && random.coin()
            }
        }
        var files: [String: [UInt8]] = [:]
        for (name, file) in disk.merging(returned, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
            var file = file
            file.cut(survivors, &random)
            if file.exists { files[name] = file.durable }
        }
        return files
    }
}

/// The state of one file: what is on the disk for certain, and what was done since.
private struct CutFile: Sendable {
    enum Change: Sendable {
        case write(offset: Int, bytes: [UInt8])
        case truncate(size: Int)
    }

    var durable: [UInt8] = []
    /// Whether its entry in the directory is on the disk.
    var exists = false
    var pending: [Change] = []

    mutating func sync() {
        for change in pending { apply(change) }
        pending = []
        exists = true
    }

    mutating func cut(_ survivors: Survivors, _ random: inout SplitMix) {
        switch survivors {
        case .none: pending = []
        case .all: sync()
        case .some:
            exists = exists || random.coin()
            for change in pending { applySome(change, &random) }
            pending = []
        }
    }

    private mutating func apply(_ change: Change) {
        switch change {
        case .write(let offset, let bytes): write(bytes[...], at: offset)
        case .truncate(let size): resize(size)
        }
    }

    private mutating func applySome(_ change: Change, _ random: inout SplitMix) {
        guard case .write(let offset, let bytes) = change else {
            if random.coin() { apply(change) }
            return
        }
        var index = 0
        while index < bytes.count {
            let end = min(bytes.count, index + 512 - (offset + index) % 512)
            if random.coin() { write(bytes[index..<end], at: offset + index) }
            index = end
        }
    }

    private mutating func write(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        if durable.count < offset + bytes.count { resize(offset + bytes.count) }
        durable.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    private mutating func resize(_ size: Int) {
        if size < durable.count {
            durable.removeLast(durable.count - size)
        } else {
            durable.append(contentsOf: repeatElement(0, count: size - durable.count))
        }
    }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }

    mutating func coin() -> Bool { next() & 1 == 1 }
}
