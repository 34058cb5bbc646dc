internal import Glibc
internal import Machine
internal import Model
package import Runtime

/// The daemon's side of the console keeper: has one running, and tells it of the VMs to read.
///
/// The keeper is a process of its own that outlives the daemon, so that what guests write is kept, and capped, at all times.
package actor ConsoleDesk {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    nonisolated let directories: MachineDirectories
    private nonisolated let supervisor: KeeperSupervisor
    private var attached: Set<VMID> = []
    private var vigil: Task<Void, any Error>?
    private var isStopping = false

    package init(configuration: NodeConfiguration, loop: EventLoop) {
        self.loop = loop
        directories = MachineDirectories(runDirectory: configuration.runDirectory)
        supervisor = KeeperSupervisor(
            executable: configuration.executable, arguments: ["internal", "keeper"],
            runDirectory: configuration.runDirectory, on: loop)
    }

    /// Asks the keeper.
    nonisolated var client: ConsoleKeeperClient { supervisor.client }

    /// Finds the keeper or starts one, and follows it.
    package func start() async throws {
        let watch = try ProcessWatch(pid: try await supervisor.start(), on: loop)
        vigil = spawn(on: loop, "keeper.vigil") { [weak self] in
            try await watch.waitForExit()
            await self?.keeperEnded()
        }
    }

    /// The daemon goes; the keeper stays.
    package func stop() {
        isStopping = true
        vigil?.cancel()
    }

    /// The node goes down, and the keeper with it.
    package func tearDown() async {
        stop()
        guard let pid = try? await client.hello().pid, let watch = try? ProcessWatch(pid: pid, on: loop) else { return }
        try? watch.signal(SIGTERM)
        _ = try? await withDeadline(.seconds(5), on: loop, "the console keeper's end") {
            try await watch.waitForExit()
        }
    }

    /// Reads a VM that runs: after its adoption, and after its start, where the launcher has told the keeper already.
    func attach(_ id: VMID) async throws {
        attached.insert(id)
        try await client.attach(uuid: id.text, directory: directories[id], .running)
    }

    /// Notes a VM that the launcher has attached.
    func note(_ id: VMID) { attached.insert(id) }

    func detach(_ id: VMID) async {
        attached.remove(id)
        try? await client.detach(uuid: id.text)
    }

    /// A stream of a VM's console.
    nonisolated func stream(_ id: VMID) async throws -> Connection {
        do {
            return try await client.stream(uuid: id.text)
        } catch let error as MachineError {
            throw ProblemError.unavailable("console.unavailable", error.message, fix: error.fix ?? "try again")
        }
    }

    /// What is kept of a VM's console output, oldest first.
    nonisolated func log(_ id: VMID) async throws -> [UInt8] {
        let path = directories[id].consoleLog
        return NodeFiles.contents(path + ".1") + NodeFiles.contents(path)
    }

    private func keeperEnded() async {
        guard !isStopping else { return }
        var pause = Duration.milliseconds(100)
        while !isStopping {
            do {
                try await start()
                for id in attached { _ = try? await client.attach(uuid: id.text, directory: directories[id], .running) }
                return
            } catch {
                try? await loop.sleep(for: pause)
                pause = min(pause * 2, .seconds(5))
            }
        }
    }
}

/// Where the machines' directories are.
struct MachineDirectories: Sendable {
    let runDirectory: String

    subscript(id: VMID) -> MachineDirectory { MachineDirectory("\(runDirectory)/vms/\(id)") }
}
