internal import Glibc
package import Network

/// The file that ``HelperMemory`` is kept in: a line for each step, appended before the kernel is touched. It survives the
/// helper, not the machine: what it describes doesn't either, so nothing is synced.
///
/// Belongs to the helper's worker thread.
package final class HelperJournal {
    package private(set) var memory: HelperMemory
    private let path: String
    private var descriptor: Int32
    private var lines: Int

    /// Opens the journal of a directory; one of another namespace counts for nothing.
    ///
    /// - Throws: `HelperFailure` `journal.failed`.
    package init(path: String, namespace: UInt64) throws(HelperFailure) {
        self.path = path
        var found = HelperMemory(namespace: 0)
        for line in Self.read(path).split(separator: UInt8(ascii: "\n")) {
            guard let step = HelperMemory.Step(line: Array(line)) else { continue }
            found.apply(step)
        }
        memory = found.namespace == namespace ? found : HelperMemory(namespace: namespace)
        descriptor = -1
        lines = 0
        try compact()
    }

    deinit { close(descriptor) }

    /// Notes a step.
    ///
    /// - Throws: `HelperFailure` `journal.failed` (the disk is full); the step isn't taken then.
    package func note(_ step: HelperMemory.Step) throws(HelperFailure) {
        try append([step])
        memory.apply(step)
        lines += 1
        if lines > 1000 + 4 * (memory.ports.count + memory.networks.count) { try compact() }
    }

    package func remove() { unlink(path) }

    /// Writes the memory as it is to a new file in the old one's place.
    private func compact() throws(HelperFailure) {
        let fresh = path + ".new"
        let fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard fd >= 0 else { throw failure() }
        let old = descriptor
        descriptor = fd
        do throws(HelperFailure) {
            try append(memory.steps)
            guard rename(fresh, path) == 0 else { throw failure() }
        } catch {
            descriptor = old
            close(fd)
            throw error
        }
        if old >= 0 { close(old) }
        lines = memory.steps.count
    }

    private func append(_ steps: [HelperMemory.Step]) throws(HelperFailure) {
        var bytes: [UInt8] = []
        for step in steps {
            guard let line = try? step.line() else { continue }
            bytes += line
            bytes.append(UInt8(ascii: "\n"))
        }
        var sent = 0
        while sent < bytes.count {
            let part = bytes[sent...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard part > 0 else { throw failure() }
            sent += part
        }
    }

    private func failure() -> HelperFailure {
        HelperFailure(code: "journal.failed", message: "\(path): \(String(cString: strerror(errno)))")
    }

    private static func read(_ path: String) -> [UInt8] {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return [] }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = Glibc.read(fd, &buffer, buffer.count)
            guard got > 0 else { return bytes }
            bytes += buffer[..<got]
        }
    }
}
