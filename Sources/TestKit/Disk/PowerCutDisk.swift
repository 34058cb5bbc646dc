internal import CSQLite
internal import Runtime
internal import Synchronization

/// A disk in memory, as a SQLite VFS, that keeps a journal of all that is done to it: `journal` then tells what a loss of
/// power at any moment would have left, and a disk made of that can be opened again. It can also fail like a real one.
///
/// One connection at a time; its locks are not real ones. The VFS stays registered until `unregister`.
package final class PowerCutDisk: Sendable {
    /// A way in which the disk fails.
    package enum Failure: Sendable, Hashable {
        /// Writes fail: no space is left.
        case full
        /// Writes fail: the device does not answer.
        case writeError
        /// Syncs fail: the kernel has lost what was written.
        case syncError
    }

    struct State {
        var files: [String: [UInt8]] = [:]
        var journal = DiskJournal()
        var failure: (kind: Failure, after: Int)?
        var temporaryFiles = 0
    }

    /// The name to open a database with.
    package let vfsName: String
    let state: Locked<State>
    private let vfs: VFSRegistration

    private static let counter = Atomic(0)

    /// Makes a disk with the files given and registers its VFS.
    package init(files: [String: [UInt8]] = [:]) {
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        vfsName = "power-cut-\(number)"
        var state = State(files: files)
        state.journal.start = files
        self.state = Locked(state)
        vfs = VFSRegistration(name: vfsName)
        vfs.register(for: self)
    }

    /// Takes the VFS back; no database may be open on it.
    package func unregister() { vfs.unregister() }

    /// What was done so far.
    package var journal: DiskJournal { state.withLock { $0.journal } }

    /// The files as the running program sees them.
    package var files: [String: [UInt8]] { state.withLock { $0.files } }

    /// Marks the moment in the journal.
    package func mark(_ name: String) { state.withLock { $0.journal.operations.append(.mark(name)) } }

    /// Begins to fail after `count` more operations of the kind that fails; nil heals the disk.
    package func fail(_ failure: Failure?, after count: Int = 0) {
        state.withLock { $0.failure = failure.map { ($0, count) } }
    }

    /// Changes the bytes of a file behind the program's back.
    package func damage(_ name: String, at offset: Int, with bytes: [UInt8]) {
        state.withLock { state in
            guard let count = state.files[name]?.count, offset + bytes.count <= count else { return }
            state.files[name]?.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
    }
}

extension PowerCutDisk {
    func open(_ name: String?, create: Bool) -> String? {
        state.withLock { state in
            guard let name else {
                state.temporaryFiles += 1
                let name = "temporary-\(state.temporaryFiles)"
                state.files[name] = []
                return name
            }
            if state.files[name] == nil {
                guard create else { return nil }
                state.files[name] = []
                state.journal.operations.append(.create(name))
            }
            return name
        }
    }

    func delete(_ name: String, synced: Bool) -> CInt {
        state.withLock { state in
            guard state.files.removeValue(forKey: name) != nil else { return SQLITE_IOERR | 23 << 8 }  // DELETE_NOENT
            state.journal.operations.append(.delete(name, synced: synced))
            return SQLITE_OK
        }
    }

    /// Fills the buffer; what lies beyond the file's end becomes zero.
    func read(_ name: String, into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> CInt {
        state.withLock { state in
            let file = state.files[name] ?? []
            let available = max(0, min(buffer.count, file.count - offset))
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            if available > 0 { buffer.copyBytes(from: file[offset..<offset + available]) }
            return available == buffer.count ? SQLITE_OK : SQLITE_IOERR | 2 << 8  // SHORT_READ
        }
    }

    func write(_ name: String, _ bytes: [UInt8], at offset: Int) -> CInt {
        state.withLock { state in
            if Self.fails(&state, .full) { return SQLITE_FULL }
            if Self.fails(&state, .writeError) { return SQLITE_IOERR | 3 << 8 }
            var file = state.files.removeValue(forKey: name) ?? []
            let end = offset + bytes.count
            if file.count < end { file.append(contentsOf: repeatElement(0, count: end - file.count)) }
            file.replaceSubrange(offset..<end, with: bytes)
            state.files[name] = file
            state.journal.operations.append(.write(name, offset: offset, bytes: bytes))
            return SQLITE_OK
        }
    }

    func truncate(_ name: String, size: Int) -> CInt {
        state.withLock { state in
            guard let count = state.files[name]?.count, size < count else { return SQLITE_OK }
            state.files[name]?.removeLast(count - size)
            state.journal.operations.append(.truncate(name, size: size))
            return SQLITE_OK
        }
    }

    func sync(_ name: String) -> CInt {
        state.withLock { state in
            if Self.fails(&state, .syncError) { return SQLITE_IOERR | 4 << 8 }
            state.journal.operations.append(.sync(name))
            return SQLITE_OK
        }
    }

    func size(_ name: String) -> Int { state.withLock { $0.files[name]?.count ?? 0 } }

    func exists(_ name: String) -> Bool { state.withLock { $0.files[name] != nil } }

    private static func fails(_ state: inout State, _ kind: Failure) -> Bool {
        guard let failure = state.failure, failure.kind == kind else { return false }
        guard failure.after == 0 else {
            state.failure?.after -= 1
            return false
        }
        return true
    }
}
