internal import CLinux
internal import Glibc
internal import Model

/// The few looks at the host's files that commands need: plain system calls, no loop.
enum HostFiles {
    /// All bytes of a file, nil where there is none.
    ///
    /// - Throws: what can't be read, with why.
    static func read(_ path: String) throws(CommandFailure) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure(path, errno)
        }
        defer { cl_close(descriptor) }
        return try drain(descriptor, path)
    }

    /// Everything from a descriptor to its end.
    static func drain(_ descriptor: CInt, _ name: String) throws(CommandFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = buffer.withUnsafeMutableBytes { cl_read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            guard count > 0 else { throw failure(name, CInt(-count)) }
            bytes += buffer[..<count]
            guard bytes.count <= 16 << 20 else {
                throw CommandFailure(.usage, "\(quoted(name)) is larger than 16 MiB", fix: "give a smaller file")
            }
        }
    }

    static func list(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// The directory and those above it, with the mode for what is made.
    ///
    /// - Throws: a failure that names the field.
    static func makeDirectory(_ path: String, mode: mode_t, field: String) throws(CommandFailure) {
        var partial = ""
        for part in path.split(separator: "/") {
            partial += "/" + part
            guard mkdir(partial, mode) != 0, errno != EEXIST, errno != EISDIR else { continue }
            let code = errno
            var status = stat()
            if stat(partial, &status) == 0 { continue }
            throw unusable(path, field, code)
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { throw unusable(path, field, ENOTDIR) }
        guard access(path, W_OK | X_OK) == 0 else { throw unusable(path, field, errno) }
    }

    private static func unusable(_ path: String, _ field: String, _ code: CInt) -> CommandFailure {
        let isPermission = code == EACCES || code == EPERM || code == EROFS
        return CommandFailure(
            isPermission ? .refused : .failed, "\(path) can't be written to: \(String(cString: strerror(code)))",
            field: field, fix: "name another with --directory, or make it writable")
    }

    private static func failure(_ path: String, _ code: CInt) -> CommandFailure {
        CommandFailure(
            .usage, "\(quoted(path)) can't be read: \(String(cString: strerror(code)))",
            fix: "name a file that this user may read")
    }
}
