/// How a child process is to be started.
public struct ProcessSpec: Sendable, Hashable {
    /// A path, or a name to be looked for in PATH and then in the usual directories, those of root's tools included.
    public var executable: String
    /// The arguments after the program's own name.
    public var arguments: [String]
    /// The whole environment; nil hands on ours.
    public var environment: [String: String]?
    /// Which descriptors the child gets: its number to ours. Ours stay open. 0, 1 and 2 are /dev/null unless given; the child
    /// gets no others.
    public var inheritedDescriptors: [CInt: CInt]
    /// The user to become; needs privilege.
    public var uid: UInt32?
    /// The group to become; supplementary groups are dropped with either.
    public var gid: UInt32?
    /// In a session of its own: a signal to our terminal does not reach it.
    public var detached: Bool
    /// Where it starts; nil for where we are.
    public var directory: String?
    /// A signal it gets when this process dies, however it dies. Not for what is to outlive us.
    public var deathSignal: CInt?
    /// Namespaces to join first, in this order: descriptors of /proc/<pid>/ns files.
    public var namespaces: [CInt]
    /// A cgroup.procs file to enter before the exec.
    public var cgroupProcs: String?
    /// Gives up gaining privileges by set-uid programs.
    public var noNewPrivileges: Bool
    /// A descriptor, by the child's number, whose file the child locks (fcntl, the whole of it) before the exec. The lock is the
    /// process' until it ends or closes a descriptor of that file, and names its owner (F_GETLK).
    public var lockedDescriptor: CInt?

    /// The plain form; everything else is off unless set afterwards.
    public init(
        executable: String, arguments: [String] = [], environment: [String: String]? = nil,
        inheritedDescriptors: [CInt: CInt] = [:], uid: UInt32? = nil, gid: UInt32? = nil, detached: Bool = false,
        directory: String? = nil, deathSignal: CInt? = nil, namespaces: [CInt] = [], cgroupProcs: String? = nil,
        noNewPrivileges: Bool = false, lockedDescriptor: CInt? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.inheritedDescriptors = inheritedDescriptors
        self.uid = uid
        self.gid = gid
        self.detached = detached
        self.directory = directory
        self.deathSignal = deathSignal
        self.namespaces = namespaces
        self.cgroupProcs = cgroupProcs
        self.noNewPrivileges = noNewPrivileges
        self.lockedDescriptor = lockedDescriptor
    }
}

/// How a process ended.
public enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
    /// By itself, with this code.
    case exited(Int32)
    /// By this signal.
    case signaled(Int32)

    /// Whether it exited with 0.
    public var isSuccess: Bool { self == .exited(0) }

    /// "exited with 1", "killed by signal 9".
    public var description: String {
        switch self {
        case .exited(let code): "exited with \(code)"
        case .signaled(let signal): "killed by signal \(signal)"
        }
    }
}
