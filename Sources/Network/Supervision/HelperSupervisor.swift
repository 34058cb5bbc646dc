internal import CLinux
internal import Glibc
internal import Logging
package import Runtime

/// Starts the holder and the net-helper where they don't run, and connects to them where they do. Both outlive the daemon.
///
/// What tells whether they run is the lock on their pid files, never a number in a file. Any task; two supervisors of one
/// directory don't hurt each other.
package struct HelperSupervisor: Sendable {
    package struct Configuration: Sendable {
        /// RUN: pid files, socket, `networks/`.
        package var directory: String
        /// As root, the name of the network namespace under /run/netns.
        package var namespace: String
        /// The program that has the process modes, and the words before a mode's name.
        package var executable: String
        package var modePrefix: [String]
        /// dnsmasq's program; nil looks for it.
        package var dnsmasq: String?
        package var startTimeout: Duration

        package init(
            directory: String, namespace: String = "uncloud", executable: String = "/proc/self/exe",
            modePrefix: [String] = ["internal"], dnsmasq: String? = nil, startTimeout: Duration = .seconds(20)
        ) {
            self.directory = directory
            self.namespace = namespace
            self.executable = executable
            self.modePrefix = modePrefix
            self.dnsmasq = dnsmasq
            self.startTimeout = startTimeout
        }
    }

    package let configuration: Configuration
    package let loop: EventLoop
    private let logger = Logger(label: "network")

    package init(_ configuration: Configuration, on loop: EventLoop) {
        self.configuration = configuration
        self.loop = loop
    }

    private var holderFile: String { configuration.directory + "/holder.pid" }
    private var helperFile: String { configuration.directory + "/helper.pid" }
    private var socket: String { configuration.directory + "/helper.sock" }

    /// The holder's process, nil if none runs.
    package var holderPID: Int32? { PIDFile.owner(holderFile) }
    /// The helper's process, nil if none runs.
    package var helperPID: Int32? { PIDFile.owner(helperFile) }

    /// A watch of the holder, nil if none runs or it can't be watched.
    package func watchHolder() -> ProcessWatch? {
        guard let pid = holderPID, let watch = try? ProcessWatch(pid: pid, on: loop) else { return nil }
        // The number may have become another's between the two calls; the lock tells.
        return holderPID == pid ? watch : nil
    }

    /// A connection to a helper that runs: started now, if it doesn't, and replaced, if it runs another program than ours, as
    /// after an upgrade.
    ///
    /// - Throws: `HelperFailure`: `holder.failed` or `helper.failed` with the process' own words, `holder.namespace` when the
    ///   namespace's name is somebody else's, `helper.version` when a helper runs that this daemon can neither talk to nor
    ///   replace; `DeadlineError`.
    package func start() async throws -> HelperClient {
        let client = try await connect()
        let info = try await client.hello()
        let isOurs =
            info.version == helperProtocolVersion
            && info.executable == executableIdentity(configuration.executable)
        return isOurs ? client : try await replace(client)
    }

    /// Ends the helper and starts one of this program in its place, which gets the listening sockets: a guest that asks
    /// meanwhile waits in their queue. dnsmasq is started anew.
    ///
    /// - Throws: as `start`.
    package func replace(_ client: HelperClient) async throws -> HelperClient {
        let old = try await client.hello()
        do {
            let kept = try await client.handOver()
            try await client.shutdown(removeAll: false)
            try await end(helperFile, "net-helper")
            let next = try await connect()
            for (number, sockets) in kept { try await next.adoptListeners(number: number, fds: sockets.map(\.number)) }
            // An optimised build ends a value's life with its last use, and the descriptors with it.
            withExtendedLifetime(kept) {}
            let new = try await next.hello()
            guard new.version == helperProtocolVersion else { throw Self.foreign(new) }
            logger.notice("net-helper replaced", metadata: ["version": "\(old.version)", "by": "\(new.version)"])
            return next
        } catch let failure as HelperFailure where failure.code == "helper.unknown-operation" {
            await client.close()
            throw Self.foreign(old)
        }
    }

    private static func foreign(_ info: HelperInfo) -> HelperFailure {
        HelperFailure(
            code: "helper.version",
            message:
                "the net-helper (process \(info.pid)) speaks version \(info.version), this program \(helperProtocolVersion)",
            fix: "end it: kill \(info.pid); it is started anew, and no VM notices")
    }

    private func connect() async throws -> HelperClient {
        try await launch()
        let path = socket
        let loop = loop
        let file = helperFile
        return try await withDeadline(configuration.startTimeout, on: loop, "the net-helper's greeting") {
            while true {
                do {
                    return try await HelperClient.connect(path: path, on: loop)
                } catch let error as UVError where error.isRefused && PIDFile.owner(file) != nil {
                    // Somebody else has just started it, and it does not listen yet.
                    try await loop.sleep(for: .milliseconds(10))
                }
            }
        }
    }

    /// Starts what doesn't run, and connects to nothing.
    package func launch() async throws {
        try await launch("holder", holderFile, ["--namespace", configuration.namespace])
        let dnsmasq = configuration.dnsmasq.map { ["--dnsmasq", $0] } ?? []
        try await launch("helper", helperFile, dnsmasq)
    }

    /// Ends the helper and then the holder. With `removeAll` the helper first takes away all it made; where they don't run
    /// and have left something, both are started for that. Without it the namespace still goes with the holder as soon as
    /// nobody is in it.
    package func stop(removeAll: Bool) async throws {
        if helperPID != nil || removeAll && isSomethingLeft {
            let client = try await start()
            try await client.shutdown(removeAll: removeAll)
            try await end(helperFile, "net-helper")
        }
        try await end(holderFile, "holder")
    }

    /// Whether a holder or a helper runs, or one did that could not take its file away.
    private var isSomethingLeft: Bool {
        let traces = [holderFile, helperFile, configuration.directory + "/networks"]
        return traces.contains { path in access(path, F_OK) == 0 }
    }

    /// SIGTERM to whoever locks the file, and waits for its end.
    private func end(_ file: String, _ what: String) async throws {
        guard let pid = PIDFile.owner(file), let watch = try? ProcessWatch(pid: pid, on: loop) else { return }
        // Asked again: the number might be another's by now, but then the lock is gone too.
        guard PIDFile.owner(file) == pid else { return }
        try? watch.signal(SIGTERM)
        try await withDeadline(configuration.startTimeout, on: loop, "the end of the \(what)") {
            try await watch.waitForExit()
        }
    }

    private func launch(_ mode: String, _ file: String, _ arguments: [String]) async throws {
        guard PIDFile.owner(file) == nil else { return }
        guard mkdir(configuration.directory, 0o700) == 0 || errno == EEXIST else {
            throw HelperFailure(
                code: "\(mode).failed", message: "\(configuration.directory): \(String(cString: strerror(errno)))",
                fix: "make the directory, or choose another by --run-dir")
        }
        var ends: [Int32] = [-1, -1]
        guard cl_socketpair(Int32(SOCK_STREAM.rawValue), &ends) >= 0 else {
            throw HelperFailure(code: "\(mode).failed", message: "no socket pair")
        }
        let mine = FDSocket(adopting: ends[0], on: loop)
        let theirs = FileDescriptor(owning: ends[1])
        let log = FileDescriptor(
            owning: open("\(configuration.directory)/\(mode).log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600))
        var descriptors: [Int32: Int32] = [3: theirs.number]
        if log.number >= 0 { descriptors[2] = log.number }
        let spec = ProcessSpec(
            executable: configuration.executable,
            arguments: configuration.modePrefix + [mode, "--run", configuration.directory, "--ready", "3"] + arguments,
            inheritedDescriptors: descriptors, detached: true)
        do {
            _ = try await CrashPoint.around("exec \(mode)") { try await ChildProcess.spawn(spec, on: loop) }
        } catch {
            throw HelperFailure(code: "\(mode).failed", message: "the \(mode) can't be started: \(error)")
        }
        theirs.close()
        let said = try await withDeadline(configuration.startTimeout, on: loop, "the start of the \(mode)") {
            var text = ""
            while !text.hasSuffix("\n"), let part = try await mine.receive() {
                text += String(decoding: part.bytes, as: UTF8.self)
            }
            return text.split(separator: "\n").first.map(String.init) ?? "it ended without a word"
        }
        mine.close()
        // Somebody else's start came first: just as well.
        guard said == "ok" || said.hasPrefix("taken:") else {
            throw HelperFailure.notStarted(mode, said: said)
        }
        logger.info("started", metadata: ["mode": "\(mode)"])
    }
}
