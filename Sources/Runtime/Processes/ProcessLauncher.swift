internal import CLinux
internal import Glibc

/// The thread that starts processes: an exec takes a while, and a child's death signal is bound to the thread that made it.
enum ProcessLauncher {
    private static let queue = WorkQueue(label: "rt-spawn", threads: 1)

    struct Started {
        var pid: Int32
        var pidfd: CInt
    }

    static func launch(
        _ spec: ProcessSpec, isolation: isolated (any Actor)? = #isolation
    ) async throws -> Started { try await queue.run { try start(spec) } }

    private static let tools = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    /// The path of a program; nil if there is none.
    static func path(of executable: String) -> String? {
        if executable.contains("/") { return executable }
        // SAFETY: copied at once. Nobody changes the environment of a process with threads.
        let variable = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
        let directories = variable.split(separator: ":").map(String.init) + tools
        return directories.map { "\($0)/\(executable)" }.first { unsafe access($0, X_OK) == 0 }
    }

    private static func start(_ spec: ProcessSpec) throws(SystemError) -> Started {
        guard let path = path(of: spec.executable) else {
            throw SystemError(errno: ENOENT, operation: "start \(spec.executable)")
        }
        let null = FileDescriptor(
            owning: try SystemError.check(unsafe open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null"))
        var table = spec.inheritedDescriptors
        for standard: CInt in 0...2 where table[standard] == nil { table[standard] = null.number }
        let descriptors = table.map { cl_spawn_fd(child: $0.key, ours: $0.value) }.sorted { $0.child < $1.child }
        let arguments = CStrings([spec.executable] + spec.arguments)
        let environment = CStrings((spec.environment ?? inherited()).map { "\($0.key)=\($0.value)" })

        var pidfd: CInt = -1
        var stage: CInt = 0
        let pid = withExtendedLifetime((arguments, environment, null)) {
            // SAFETY: every pointer lives to the end of the call.
            unsafe descriptors.withUnsafeBufferPointer { descriptors in
                unsafe spec.namespaces.withUnsafeBufferPointer { namespaces in
                    unsafe withCString(path) { path in
                        unsafe withCString(spec.directory) { directory in
                            unsafe withCString(spec.cgroupProcs) { cgroup in
                                var native = unsafe cl_spawn_spec(
                                    executable: path, arguments: arguments.pointer, environment: environment.pointer,
                                    directory: directory, fds: descriptors.baseAddress,
                                    fd_count: CInt(descriptors.count), namespaces: namespaces.baseAddress,
                                    namespace_count: CInt(namespaces.count), cgroup_procs: cgroup,
                                    uid: spec.uid.map { Int64($0) } ?? -1, gid: spec.gid.map { Int64($0) } ?? -1,
                                    new_session: spec.detached ? 1 : 0, death_signal: spec.deathSignal ?? 0,
                                    no_new_privs: spec.noNewPrivileges ? 1 : 0,
                                    locked: spec.lockedDescriptor ?? 0)
                                return unsafe cl_spawn(&native, &pidfd, &stage)
                            }
                        }
                    }
                }
            }
        }
        try SystemError.check(pid, "\(step(stage)) \(path)")
        return Started(pid: pid, pidfd: pidfd)
    }

    private static func withCString<T>(_ string: String?, _ body: (UnsafePointer<CChar>?) -> T) -> T {
        guard let string else { return body(nil) }
        return unsafe string.withCString { unsafe body($0) }
    }

    private static func inherited() -> [String: String] {
        var all: [String: String] = [:]
        // SAFETY: read once; nobody changes the environment of a process with threads.
        var next = unsafe environ
        while let entry = unsafe next.pointee {
            let text = unsafe String(cString: entry)
            if let mark = text.firstIndex(of: "=") {
                all[String(text[..<mark])] = String(text[text.index(after: mark)...])
            }
            unsafe next += 1
        }
        return all
    }

    /// What the child failed at, in words.
    private static func step(_ stage: CInt) -> String {
        switch Int(stage) {
        case Int(CL_SPAWN_FDS): "passing descriptors to"
        case Int(CL_SPAWN_SETNS): "joining the namespaces of"
        case Int(CL_SPAWN_SETSID): "a session for"
        case Int(CL_SPAWN_IDS): "changing user or group for"
        case Int(CL_SPAWN_CHDIR): "changing the directory for"
        case Int(CL_SPAWN_CGROUP): "entering the control group of"
        case Int(CL_SPAWN_PRCTL): "setting up"
        case Int(CL_SPAWN_LOCK): "locking a file for"
        default: "start"
        }
    }
}

/// A NULL-terminated array of C strings.
@safe
private final class CStrings {
    // SAFETY: freed with this object; nobody writes.
    let pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        unsafe pointer = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() { unsafe (pointer + index).initialize(to: strdup(string)) }
        unsafe (pointer + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { unsafe free(pointer[index]) }
        unsafe pointer.deallocate()
    }
}
