import CLinux
import Foundation
import Glibc
import Model
import Network
import Runtime
import Synchronization
import TestSupport
import Testing

/// On whose behalf holder and helper run.
enum Caller: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case root, user
    var testDescription: String { self == .root ? "as root" : "as an ordinary user" }
}

/// A holder and a net-helper of the test's own, in a directory of their own.
final class HelperFixture: Sendable {
    /// An id that is nobody's.
    static let ordinary: UInt32 = 54321
    private static let count = Atomic<Int>(0)

    let caller: Caller
    let directory: TemporaryDirectory
    let supervisor: HelperSupervisor
    let namespace: String
    private let tun: TunAccess?
    let loop = TestLoops.loop

    /// Prepares, and starts nothing yet; nil if the machine lacks what is needed. The test itself runs as root for both
    /// callers; `prefix` is a command to run the program by.
    static func prepare(_ caller: Caller, prefix: [String] = [], test: String = #function) throws -> HelperFixture? {
        guard try Requirement.need("root", "userns", "dnsmasq", "ip", "python3", "tun", "setpriv", by: test) else {
            return nil
        }
        return try HelperFixture(caller, prefix)
    }

    private init(_ caller: Caller, _ prefix: [String]) throws {
        self.caller = caller
        directory = try TemporaryDirectory("net")
        namespace = "uct\(getpid())-\(Self.count.add(1, ordering: .relaxed).newValue)"
        var words = prefix
        if caller == .user {
            let copy = directory.file("tool")
            try FileManager.default.copyItem(atPath: Self.tool, toPath: copy)
            chmod(copy, 0o755)
            chown(directory.path, Self.ordinary, Self.ordinary)
            let id = String(Self.ordinary)
            words += ["setpriv", "--reuid", id, "--regid", id, "--clear-groups", copy]
            tun = TunAccess()
        } else {
            words += [Self.tool]
            tun = nil
        }
        let configuration = HelperSupervisor.Configuration(
            directory: directory.path, namespace: namespace, executable: words[0],
            modePrefix: Array(words.dropFirst()) + ["internal"])
        supervisor = HelperSupervisor(configuration, on: TestLoops.loop)
    }

    /// A test that failed midway leaves its processes to this.
    deinit {
        for pid in [supervisor.helperPID, supervisor.holderPID] { if let pid { kill(pid, SIGKILL) } }
        umount2("/run/netns/\(namespace)", 2)
        unlink("/run/netns/\(namespace)")
    }

    /// The program with the process modes.
    static var tool: String { builtProgram("nethelper-tool") }

    /// Starts what doesn't run, and connects.
    func connect() async throws -> HelperClient {
        if caller == .root { return try await supervisor.start() }
        try await supervisor.launch()
        // The helper believes only its own user, so somebody of that user connects for us.
        let (ours, theirs) = try FDSocketPair.make(on: loop)
        let id = String(Self.ordinary)
        let spec = ProcessSpec(
            executable: "setpriv",
            arguments: [
                "--reuid", id, "--regid", id, "--clear-groups", "/usr/bin/python3", "-c", GuestScript.connect,
                directory.file("helper.sock"),
            ], inheritedDescriptors: [3: theirs.number, 2: 2])
        let process = try await ChildProcess.spawn(spec, on: loop)
        theirs.close()
        let message = try #require(try await ours.receive())
        let socket = try #require(message.descriptors.first)
        _ = try await process.waitForExit()
        return HelperClient.serve(FDSocket(adopting: socket.release(), on: loop), on: loop)
    }

    /// Ends both, and checks that nothing is left of them.
    func finish(_ client: HelperClient, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let inode = try await client.hello().namespaceInode
        let before = Self.processes(in: inode)
        let helper = try supervisor.helperPID.map { try ProcessWatch(pid: $0, on: loop) }
        try await client.shutdown(removeAll: true)
        try await helper?.waitForExit()
        try await supervisor.stop(removeAll: false)
        let left = try FileManager.default.contentsOfDirectory(atPath: directory.path)
            .filter { !["tool", "holder.log", "helper.log"].contains($0) }
        #expect(left.isEmpty, "files are left: \(left)", sourceLocation: sourceLocation)
        #expect(access("/run/netns/\(namespace)", F_OK) != 0, "the pin is left", sourceLocation: sourceLocation)
        let remaining = Self.processes(in: inode).intersection(before)
        #expect(remaining.isEmpty, "processes are left in the namespace", sourceLocation: sourceLocation)
    }

    /// The processes in a network namespace. Its number is the next one's once it is gone: what was not there before is
    /// another test's.
    static func processes(in inode: UInt64) -> Set<String> {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return Set(
            all.filter { pid in
                Int32(pid) != nil
                    && (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/net"))
                        == "net:[\(inode)]"
            })
    }

    /// The namespaces of the holder that aren't the test's own, for joining.
    func namespaces(of pid: Int32) -> [FileDescriptor] {
        [Int(CL_NEWUSER), Int(CL_NEWNS), Int(CL_NEWNET)].compactMap { kind in
            let fd = FileDescriptor(owning: cl_open_namespace(pid, Int32(kind)))
            let own = FileDescriptor(owning: cl_open_namespace(0, Int32(kind)))
            var (inode, ownInode): (UInt64, UInt64) = (0, 1)
            _ = cl_namespace_inode(fd.number, &inode)
            _ = cl_namespace_inode(own.number, &ownInode)
            return inode == ownInode ? nil : fd
        }
    }

    /// Runs a command in the helper's namespaces; one that fails is a failed test.
    @discardableResult
    func run(_ command: String...) async throws -> String { try await run(command) }

    @discardableResult
    func run(_ command: [String]) async throws -> String {
        let spaces = namespaces(of: try #require(supervisor.holderPID))
        return try await Self.run(command, in: spaces, loop)
    }

    static func run(_ command: [String], in spaces: [FileDescriptor], _ loop: EventLoop) async throws -> String {
        let spec = ProcessSpec(
            executable: command[0], arguments: Array(command.dropFirst()),
            // In a user namespace root is another id than the test's.
            uid: spaces.count > 1 ? 0 : nil, gid: spaces.count > 1 ? 0 : nil, deathSignal: SIGKILL,
            namespaces: spaces.map(\.number))
        let output = try await runProcess(spec, on: loop)
        withExtendedLifetime(spaces) {}
        guard output.status.isSuccess else {
            throw GuestFailure(description: command.prefix(6).joined(separator: " ") + ": " + output.errorText)
        }
        return output.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// A command that failed, and what it said.
struct GuestFailure: Error, CustomStringConvertible {
    var description: String
}

/// A socket of ours and a plain descriptor for a child.
enum FDSocketPair {
    static func make(on loop: EventLoop) throws -> (FDSocket, FileDescriptor) {
        var ends: [Int32] = [-1, -1]
        guard cl_socketpair(Int32(SOCK_STREAM.rawValue), &ends) >= 0 else {
            throw SystemError(errno: EMFILE, operation: "socketpair")
        }
        cl_nonblocking(ends[1], 0)
        return (FDSocket(adopting: ends[0], on: loop), FileDescriptor(owning: ends[1]))
    }
}

/// Opens /dev/net/tun to everybody while any of these is held, as distributions have it anyway, and puts it back.
final class TunAccess: Sendable {
    private static let users = Locked<(count: Int, mode: mode_t)>((0, 0))

    init() {
        Self.users.withLock { users in
            if users.count == 0 {
                var status = stat()
                stat("/dev/net/tun", &status)
                users.mode = status.st_mode & 0o777
                chmod("/dev/net/tun", 0o666)
            }
            users.count += 1
        }
    }

    deinit {
        Self.users.withLock { users in
            users.count -= 1
            if users.count == 0 { chmod("/dev/net/tun", users.mode) }
        }
    }
}
