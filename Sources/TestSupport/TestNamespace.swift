internal import CLinux
internal import Glibc
public import Runtime

/// A network namespace (with a mount namespace) that lasts as long as this object: for tests that change interfaces, rules
/// or addresses without touching the machine's.
///
/// As root it is a plain one; otherwise, or if asked, it lies in a user namespace in which the commands are root. A process
/// holds it, which ends with the test process at the latest.
public final class TestNamespace: Sendable {
    /// The process that holds the namespaces; `/proc/<pid>/ns` has them.
    public let pid: Int32
    /// The user (if any), mount and network namespace, in the order of joining: for `ProcessSpec.namespaces`.
    public var descriptors: [CInt] { namespaces.map(\.number) }
    /// The network namespace alone.
    public var network: CInt { namespaces.last?.number ?? -1 }

    private let namespaces: [FileDescriptor]
    private let holder: ChildProcess
    private let input: Connection
    private let loop: EventLoop

    /// Makes the namespaces and sets the loopback up.
    ///
    /// - Parameters:
    ///   - inUserNamespace: nil chooses by who runs the test.
    ///   - loop: where commands are served.
    /// - Returns: the namespaces, with the loopback up.
    /// - Throws: `SystemError` when the machine does not allow it.
    public static func make(inUserNamespace: Bool? = nil, on loop: EventLoop = TestLoops.loop) async throws
        -> TestNamespace
    {
        let asUser = inUserNamespace ?? (geteuid() != 0)
        var ends: [CInt] = [-1, -1]
        try SystemError.check(cl_socketpair(CInt(SOCK_STREAM.rawValue), &ends), "socketpair")
        let (ours, theirs) = (ends[0], FileDescriptor(owning: ends[1]))
        cl_nonblocking(theirs.number, 0)
        let line = Connection(adopting: ours, on: loop)
        // The holder says when it is inside, and ends when our end of its input closes: with this process, if not before.
        let flags = (asUser ? ["--user", "--map-root-user"] : []) + ["--net", "--mount", "--"]
        let holder = try await ChildProcess.spawn(
            ProcessSpec(
                executable: "unshare", arguments: flags + ["sh", "-c", "echo inside; exec cat >/dev/null"],
                inheritedDescriptors: [0: theirs.number, 1: theirs.number, 2: 2]), on: loop)
        theirs.close()
        guard try await line.read() != nil else {
            throw SystemError(errno: EPERM, operation: "unshare \(flags.joined(separator: " "))")
        }
        var kinds: [(Int, String)] = asUser ? [(Int(CL_NEWUSER), "user")] : []
        kinds += [(Int(CL_NEWNS), "mount"), (Int(CL_NEWNET), "network")]
        let namespaces = try kinds.map { kind, name in
            FileDescriptor(
                owning: try SystemError.check(cl_open_namespace(holder.pid, CInt(kind)), "open the \(name) namespace"))
        }
        let made = TestNamespace(holder: holder, input: line, namespaces: namespaces, loop: loop)
        try await made.succeed("ip", "link", "set", "lo", "up")
        return made
    }

    private init(holder: ChildProcess, input: Connection, namespaces: [FileDescriptor], loop: EventLoop) {
        pid = holder.pid
        self.holder = holder
        self.input = input
        self.namespaces = namespaces
        self.loop = loop
    }

    deinit {
        input.close()
        try? holder.kill(SIGKILL)
    }

    /// Runs a command inside to its end.
    @discardableResult
    public func run(_ command: String..., input: String? = nil) async throws -> ProcessOutput {
        try await run(command, input: input)
    }

    /// Runs a command inside to its end.
    public func run(_ command: [String], input: String? = nil) async throws -> ProcessOutput {
        try await runProcess(spec(command), input: input.map { Array($0.utf8) }, on: loop)
    }

    /// Runs a command inside; one that fails is an error with what it said.
    @discardableResult
    public func succeed(_ command: String..., input: String? = nil) async throws -> String {
        let result = try await run(command, input: input)
        guard result.status.isSuccess else {
            throw CommandFailed(command: command.joined(separator: " "), status: result.status, said: result.errorText)
        }
        return result.text
    }

    /// Starts a command inside that goes on: it is killed with the test process.
    public func start(_ command: [String], descriptors: [CInt: CInt] = [:]) async throws -> ChildProcess {
        var spec = spec(command)
        spec.inheritedDescriptors = descriptors
        return try await ChildProcess.spawn(spec, on: loop)
    }

    /// How to start something inside.
    public func spec(_ command: [String]) -> ProcessSpec {
        ProcessSpec(
            executable: command.first ?? "", arguments: Array(command.dropFirst()), deathSignal: SIGKILL,
            namespaces: descriptors)
    }

    /// Runs `body` on a thread of its own inside the network namespace, so that the sockets it makes belong there. As root
    /// only, and not for a namespace within a user namespace: a process with threads cannot enter one.
    public func inside<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        let thread = BlockingExecutor(label: "netns")
        let network = network
        let result = try await thread.run {
            try SystemError.check(cl_setns(network, CInt(CL_NEWNET)), "setns")
            return try body()
        }
        await thread.shutdown()
        return result
    }

    /// A command that should have succeeded.
    public struct CommandFailed: Error, CustomStringConvertible {
        /// The command.
        public let command: String
        /// How it ended.
        public let status: ExitStatus
        /// Its standard error.
        public let said: String
        /// All of that.
        public var description: String { "\(command): \(status): \(said)" }
    }
}
