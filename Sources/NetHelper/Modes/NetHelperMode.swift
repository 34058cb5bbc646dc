internal import CLinux
internal import Glibc
internal import Network
internal import Runtime

/// The process mode `helper`: enters the holder's namespaces and serves the daemon there.
///
/// It outlives the daemon, keeps the listening sockets meanwhile, and can itself be killed and started again: it finds what is
/// there. SIGTERM ends it and leaves everything but dnsmasq.
///
/// Arguments: `--run DIRECTORY [--dnsmasq PROGRAM] [--ready DESCRIPTOR]`. One line is written to the descriptor: `ok`, or what
/// failed. Must be called before the process has a second thread.
package func runNetHelper(arguments: [String]) -> Never {
    let options = ModeArguments(arguments)
    HelperProcess(
        directory: options.required("run"), dnsmasq: options.values["dnsmasq"], ready: options.number("ready")
    ).run()
}

private struct HelperProcess {
    let directory: String
    let dnsmasq: String?
    let ready: Int32?

    func run() -> Never {
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGTERM, SIGINT] { sigaddset(&signals, signal) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        signal(SIGPIPE, SIG_IGN)
        signal(SIGHUP, SIG_IGN)
        _ = cl_raise_nofile()

        let file = lock()
        let configuration = enter()
        file.write("\(getpid()) \(NamespacePin.ownInode())\n")
        let stop = start(configuration, file)
        var received: Int32 = 0
        while sigwait(&signals, &received) != 0 {}
        stop()
        while true { pause() }
    }

    private func fail(_ message: String) -> Never { ModeExit.failed("net-helper", message, ready: ready) }

    private func lock() -> PIDFile {
        do {
            return try PIDFile(locking: directory + "/helper.pid")
        } catch {
            switch error {
            case .taken(let pid): fail("taken: a net-helper runs already (process \(pid))")
            case .failed(let message): fail(message)
            }
        }
    }

    /// The holder's process, once it is where it should be: until it has written its file it may still be in the host's
    /// namespace. It writes within milliseconds.
    private func waitForHolder() -> Int32 {
        for _ in 0..<1000 {
            guard let (owner, content) = PIDFile.ownerAndContent(directory + "/holder.pid") else {
                fail("there is no holder in \(directory)")
            }
            if content.split(separator: " ").first.flatMap({ Int32($0) }) == owner { return owner }
            usleep(10_000)
        }
        fail("the holder does not get ready")
    }

    /// Into the holder's namespaces; what is needed of the host's is opened before.
    private func enter() -> HelperCore.Configuration {
        let holder = waitForHolder()
        var configuration = HelperCore.Configuration(directory: directory, dnsmasq: dnsmasq)
        if geteuid() == 0, cl_has_cap_net_admin() == 1 {
            let host = cl_net_own_namespace("net")
            let socket = cl_nl_open(Int32(CL_NETLINK_ROUTE), 0)
            if host >= 0, socket >= 0 {
                configuration.hostNamespace = host
                configuration.hostSocket = socket
            }
        }
        if let message = Namespaces.join(of: holder) { fail(message) }
        return configuration
    }

    /// Starts the threads and gives the way to end them.
    private func start(_ configuration: HelperCore.Configuration, _ file: PIDFile) -> @Sendable () -> Void {
        do {
            let group = try EventLoopGroup(loops: 1, label: "net-helper")
            let loop = group.loops[0]
            let starter = HelperStarter(configuration: configuration, loop: loop, ready: ready, file: file)
            spawn(on: loop, "net-helper") { await starter.start() }
            return { spawn(on: loop, "net-helper end") { await starter.end() } }
        } catch { fail("no event loop: \(error)") }
    }
}

/// Puts the helper together on its loop, and takes it down.
private actor HelperStarter {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private let configuration: HelperCore.Configuration
    private let ready: Int32?
    private let file: PIDFile
    private let events = AsyncChannel<HelperEvent>(capacity: 4096)
    private let worker = BlockingExecutor(label: "net-helper kernel")
    private var core: HelperCore?
    private var watch: KernelWatch?

    private var socket: String { configuration.directory + "/helper.sock" }

    init(configuration: HelperCore.Configuration, loop: EventLoop, ready: Int32?, file: PIDFile) {
        self.configuration = configuration
        self.loop = loop
        self.ready = ready
        self.file = file
    }

    func start() async {
        do {
            try await assemble()
            if let ready {
                ModeExit.say(ready, "ok\n")
                close(ready)
            }
        } catch {
            ModeExit.failed("net-helper", "\(error)", ready: ready)
        }
    }

    private func assemble() async throws {
        let events = events
        let core = try HelperCore(configuration, worker: worker, loop: loop) { _ = events.trySend($0) }
        self.core = core
        let watch = try makeWatch(core)
        self.watch = watch
        watch.start()
        try await core.recover()
        unlink(socket)
        let listener = try FDListener(path: socket, on: loop)
        chmod(socket, 0o600)
        let server = HelperServer(core, events: events, on: loop) { [file, socket] in
            unlink(socket)
            file.remove()
            exit(0)
        }
        await server.serve(listener)
    }

    private func makeWatch(_ core: HelperCore) throws -> KernelWatch {
        let loop = loop
        return try KernelWatch(
            on: loop,
            onRules: { event, noticed in
                spawn(on: loop, "mend") { await core.mend(after: event, noticed: noticed) }
            },
            onLost: { noticed in spawn(on: loop, "mend if changed") { await core.mendIfChanged(noticed: noticed) } },
            onLinkGone: { name in spawn(on: loop, "link gone") { await core.linkGone(name) } })
    }

    /// Ends without removing anything but the services.
    func end() async {
        await core?.leave()
        unlink(socket)
        file.remove()
        exit(0)
    }
}
