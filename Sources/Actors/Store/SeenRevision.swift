internal import CLinux
internal import Foundation
package import Runtime

/// The highest revision of the store that this node has seen, noted outside of the store: it tells an older copy of the
/// store, restored from a backup, from the one that the node has worked with.
///
/// The note may lag behind the store and never leads it: it is written after the store has acknowledged a revision as
/// durable, over itself, without waiting for the disk. A killed daemon loses at most the write that was under way; a loss
/// of power what the kernel had not written yet, which is half a minute. A store that is older by no more than that is
/// taken for the right one. `note` may be called from any thread; a thread of its own writes.
package final class SeenRevision: Sendable {
    private struct State {
        var newest: Int64
        var written: Int64
        var isWriting = false
    }

    /// Where it is noted. A copy in the run-time directory tells of a state directory that was restored as a whole.
    private let paths: [String]
    private let cluster: String
    private let loop: EventLoop
    private let writer = BlockingExecutor(label: "seen revision")
    private let state: Locked<State>

    /// The files in which a node notes it.
    package static func paths(stateDirectory: String, runDirectory: String) -> [String] {
        [stateDirectory, runDirectory].map { $0 + "/node.revision" }
    }

    /// The highest revision that any of the files tells for this cluster; nil where none does. A file that can't be read,
    /// or was cut off, tells nothing: that is a note that lags.
    package static func highest(in paths: [String], cluster: String) -> Int64? {
        paths.compactMap { path in
            guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
            let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: { $0 == " " || $0 == "\n" })
            guard words.count == 2, words[0] == cluster, words[1].utf8.count == digits else { return nil }
            return Int64(words[1])
        }.max()
    }

    /// Notes a revision, whatever was noted before, and has it on the disk when it returns.
    ///
    /// - Throws: `SystemError` when a file can't be written; `CancellationError`.
    package static func begin(at revision: Int64, cluster: String, in paths: [String], on loop: EventLoop) async throws
        -> SeenRevision
    {
        let seen = SeenRevision(revision, cluster, paths, loop)
        try await seen.writer.run { try seen.put(revision, durably: true) }
        return seen
    }

    private init(_ revision: Int64, _ cluster: String, _ paths: [String], _ loop: EventLoop) {
        self.paths = paths
        self.cluster = cluster
        self.loop = loop
        state = Locked(State(newest: revision, written: revision))
    }

    /// The store has acknowledged this revision. Never waits; of many at once the highest is written.
    package func note(_ revision: Int64) {
        let isFirst = state.withLock { state in
            guard revision > state.newest else { return false }
            state.newest = revision
            guard !state.isWriting else { return false }
            state.isWriting = true
            return true
        }
        if isFirst { spawn(on: loop, "seen revision") { [self] in try await writer.run { self.catchUp() } } }
    }

    /// Writes what was noted, and has it on the disk when it returns. A disk that refuses leaves the note behind, as it may be.
    package func flush() async {
        let newest = state.withLock { $0.newest }
        try? await writer.run { try? self.put(newest, durably: true) }
    }

    private func catchUp() {
        while let revision = next() { try? put(revision, durably: false) }
    }

    private func next() -> Int64? {
        state.withLock { state in
            state.isWriting = state.newest > state.written
            state.written = state.newest
            return state.isWriting ? state.newest : nil
        }
    }

    /// As many as the highest has: the file keeps its length, and no write can leave a shorter number that is a higher one.
    private static let digits = 19

    /// Opened by name each time: the directories may be exchanged under a running daemon.
    private func put(_ revision: Int64, durably: Bool) throws(SystemError) {
        let number = String(revision)
        let padding = String(repeating: "0", count: max(0, Self.digits - number.utf8.count))
        let line = Array("\(cluster) \(padding)\(number)\n".utf8)
        var failure: SystemError?
        for path in paths {
            do throws(SystemError) {
                try Self.write(line, to: path, durably)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private static func write(_ line: [UInt8], to path: String, _ durably: Bool) throws(SystemError) {
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw SystemError(errno: errno, operation: "open \(path)") }
        defer { cl_close(file) }
        guard pwrite(file, line, line.count, 0) == line.count else {
            throw SystemError(errno: errno, operation: "write \(path)")
        }
        guard durably else { return }
        guard ftruncate(file, off_t(line.count)) == 0, fsync(file) == 0 else {
            throw SystemError(errno: errno, operation: "write \(path)")
        }
    }
}
