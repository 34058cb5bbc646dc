internal import Glibc

/// The name under /run/netns that a directory's holder has given its network namespace, in a file beside its pid file.
/// Whoever takes the node down after a crash need not be told it again.
package enum NamespaceRecord {
    /// The name that the last holder of the directory took, and did not take away; nil where there is none.
    package static func read(in directory: String) -> String? {
        let file = open(path(directory), O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(file, &buffer, buffer.count)
        let name = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
        guard name.hasSuffix("\n"), name.utf8.count > 1 else { return nil }
        return String(name.dropLast())
    }

    /// Keeps the name, whole or not at all. Returns what failed, or nil.
    static func write(_ name: String, in directory: String) -> String? {
        let fresh = path(directory) + ".new"
        let file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { return "\(fresh): \(ModeExit.reason(errno))" }
        defer { close(file) }
        let bytes = Array((name + "\n").utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count, rename(fresh, path(directory)) == 0 else {
            return "\(path(directory)): \(ModeExit.reason(errno))"
        }
        return nil
    }

    static func remove(in directory: String) { unlink(path(directory)) }

    private static func path(_ directory: String) -> String { directory + "/namespace" }
}
