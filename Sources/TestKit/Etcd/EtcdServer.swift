internal import Glibc
package import Runtime
internal import TestSupport

/// A real etcd for a test: one member, with a directory and an address of the loopback of its own, that dies with the test
/// process at the latest.
///
/// It needs the programs `etcd` and, for `control`, `etcdctl` (`Requirement.need("etcd", "etcdctl")`). It does not sync its
/// files: a killed process loses nothing by that.
package final class EtcdServer: Sendable {
    /// Its client URL.
    package let endpoint: String
    /// Where clients connect.
    package let address: SocketAddress
    /// Its name among the members.
    package let name: String
    private let arguments: [String]
    private let loop: EventLoop
    private let directory: TemporaryDirectory
    private let process = Locked<ChildProcess?>(nil)
    private let log = Locked<[String]>([])

    /// The place of one member.
    package struct Place: Sendable {
        /// Its name.
        package var name: String
        fileprivate var host: String

        fileprivate static let next = Locked(0)

        /// One that no other has: by the process's number and a count, in 127.0.0.0/8.
        package static func free(_ name: String = "one") -> Place {
            let count = next.withLock { next in
                next += 1
                return next
            }
            let pid = Int(getpid())
            return Place(name: name, host: "127.\(pid / 254 % 254 + 1).\(pid % 254 + 1).\(count % 254 + 1)")
        }

        fileprivate func url(_ scheme: String, _ port: Int) -> String { "\(scheme)://\(host):\(port)" }
        fileprivate var peer: String { "\(name)=\(url("http", 2380))" }
        fileprivate var socket: SocketAddress { .ipv4(host: host, port: 2379) }
    }

    private init(_ place: Place, cluster: [Place], scheme: String, _ flags: [String], on loop: EventLoop) throws {
        name = place.name
        endpoint = place.url(scheme, 2379)
        address = place.socket
        self.loop = loop
        directory = try TemporaryDirectory("etcd")
        let election =
            cluster.count == 1
            ? ["--heartbeat-interval=10", "--election-timeout=50"]
            : ["--heartbeat-interval=50", "--election-timeout=500"]
        arguments =
            [
                "--name=\(name)", "--data-dir=\(directory.path)/data", "--unsafe-no-fsync",
                "--listen-client-urls=\(endpoint)", "--advertise-client-urls=\(endpoint)",
                "--listen-peer-urls=\(place.url("http", 2380))",
                "--initial-advertise-peer-urls=\(place.url("http", 2380))",
                "--initial-cluster=\(cluster.map(\.peer).joined(separator: ","))",
                "--initial-cluster-token=\(cluster[0].host)",
            ] + election + flags
    }

    /// Starts a cluster of one; returns when it serves clients.
    ///
    /// - Parameters:
    ///   - flags: further options of etcd.
    ///   - place: where; the same place gives the same endpoint again.
    ///   - scheme: "https" needs flags with certificates.
    ///   - loop: where its output is read.
    /// - Returns: the server; it ends with `stop`.
    /// - Throws: `EtcdServerFailure` with its last words.
    package static func start(
        _ flags: [String] = [], at place: Place = .free(), scheme: String = "http", on loop: EventLoop = TestLoops.other
    ) async throws -> EtcdServer {
        let server = try EtcdServer(place, cluster: [place], scheme: scheme, flags, on: loop)
        try await server.restart()
        return server
    }

    /// Starts a cluster of several members; returns when all of them serve clients.
    package static func startCluster(of count: Int, on loop: EventLoop = TestLoops.other) async throws -> [EtcdServer] {
        let places = (1...count).map { Place.free("m\($0)") }
        let servers = try places.map { try EtcdServer($0, cluster: places, scheme: "http", [], on: loop) }
        try await withLoopTaskGroup(of: Void.self, on: loop) { group in
            for server in servers { group.addTask("etcd \(server.name)") { try await server.restart() } }
            try await group.waitForAll()
        }
        return servers
    }

    /// Starts it (again) with the data it has; returns when it serves clients.
    package func restart() async throws {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError(errno: errno, operation: "pipe") }
        let reading = ends[0]
        let writing = FileDescriptor(owning: ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let output = Connection(adopting: reading, on: loop)
        var spec = ProcessSpec(executable: Requirement.program("etcd") ?? "etcd", arguments: arguments)
        spec.inheritedDescriptors = [1: writing.number, 2: writing.number]
        spec.deathSignal = SIGKILL
        let child = try await ChildProcess.spawn(spec, on: loop)
        writing.close()
        process.withLock { $0 = child }
        let serves = Event()
        spawn(on: loop, "etcd's log") { [self] in
            var rest = ""
            while let bytes = try? await output.read() {
                rest += String(decoding: bytes, as: UTF8.self)
                while let end = rest.firstIndex(of: "\n") {
                    let line = String(rest[..<end])
                    rest = String(rest[rest.index(after: end)...])
                    log.withLock { $0 = $0.suffix(30) + [line] }
                    if line.contains("ready to serve client requests") { serves.happen() }
                }
            }
            serves.happen()
        }
        try await serves.wait()
        if child.status != nil || lastWords.contains("etcdmain: ") && !lastWords.contains("ready to serve") {
            throw EtcdServerFailure(log: lastWords)
        }
    }

    /// What it said last.
    package var lastWords: String { log.withLock { $0.joined(separator: "\n") } }

    /// Kills it, as a crash does; returns when it is gone.
    package func kill() async {
        guard let child = process.withLock({ $0 }) else { return }
        try? child.kill(SIGKILL)
        _ = try? await child.waitForExit()
    }

    /// Stops it in its tracks, as a machine that hangs: connections stay, nothing answers. Returns when all its threads stand
    /// still.
    package func freeze() throws {
        guard let child = process.withLock({ $0 }) else { return }
        try child.kill(SIGSTOP)
        var info = siginfo_t()
        _ = waitid(P_PID, id_t(child.pid), &info, WSTOPPED)
    }

    /// Lets it go on.
    package func thaw() throws { try process.withLock { $0 }?.kill(SIGCONT) }

    /// Ends it and removes its data.
    package func stop() async {
        await kill()
        directory.remove()
    }

    /// Runs `etcdctl` on it.
    ///
    /// - Parameter arguments: what to do.
    /// - Returns: what it printed.
    /// - Throws: `EtcdServerFailure` when it failed.
    @discardableResult
    package func control(_ arguments: String...) async throws -> String {
        let program = Requirement.program("etcdctl") ?? "etcdctl"
        let spec = ProcessSpec(
            executable: program, arguments: ["--endpoints=\(endpoint)"] + arguments, environment: ["ETCDCTL_API": "3"])
        let result = try await runProcess(spec, on: loop)
        guard result.status.isSuccess else { throw EtcdServerFailure(log: result.errorText + result.text) }
        return result.text
    }
}

/// etcd, or etcdctl, did not do what a test wanted.
package struct EtcdServerFailure: Error, CustomStringConvertible {
    /// What it said.
    package let log: String
    /// What it said.
    package var description: String { "etcd: \(log)" }
}
