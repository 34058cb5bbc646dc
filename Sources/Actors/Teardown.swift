internal import CLinux
internal import Foundation
package import JSON
internal import Machine
internal import Model
internal import Network
package import Runtime

/// Ends what a node has left on its host while no daemon runs: `uncloud-node down` after a crash.
package enum Teardown {
    /// Ends VMs, keeper, helper and holder; records and logs stay.
    ///
    /// - Throws: `ProblemError` `down.running` without `force` while VMs run: only a daemon can ask guests to power off.
    package static func run(_ configuration: NodeConfiguration, force: Bool, on loop: EventLoop) async throws
        -> JSONValue
    {
        let running = try machines(configuration)
        guard force || running.isEmpty else {
            throw ProblemError(
                status: 409, code: "down.running", title: "VMs run",
                detail: "no daemon is there to ask \(counted(running.count, "running VM")) to power off",
                fix: "start the daemon and try again, or cut them: uncloud-node down --force")
        }
        let ended = force ? try await endMachines(configuration, on: loop) : 0
        if let keeper = lockOwner(configuration.runDirectory + "/keeper.pid") { try await end(keeper, SIGTERM, loop) }
        try await NodeFiles.helperSupervisor(configuration, on: loop).stop(removeAll: true)
        return ["stopped": .int(Int64(ended))]
    }

    /// The processes that hold the lock of a machine's pid file in the run-time directory, whether a record explains them or
    /// not, each with its directory's name. Blocks for a few system calls each.
    ///
    /// - Throws: `SystemError` where that can't be found out.
    static func machines(_ configuration: NodeConfiguration) throws -> [(name: String, pid: Int32)] {
        try directories(configuration).compactMap { directory in
            guard case .running(let pid) = try Adoption.find(directory) else { return nil }
            return (directory.path.split(separator: "/").last.map(String.init) ?? "", pid)
        }
    }

    /// Ends all of them, and those that are just starting; gives how many there were.
    ///
    /// - Throws: `SystemError`, `MachineError` when one can't be ended. The others are ended all the same.
    static func endMachines(_ configuration: NodeConfiguration, on loop: EventLoop) async throws -> Int {
        var count = 0
        var failure: (any Error)?
        for directory in directories(configuration) {
            do {
                if try await Adoption.endHolder(of: directory, on: loop) != nil { count += 1 }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return count
    }

    private static func directories(_ configuration: NodeConfiguration) -> [MachineDirectory] {
        let root = configuration.runDirectory + "/vms"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return names.sorted().map { MachineDirectory("\(root)/\($0)") }
    }

    private static func end(_ pid: Int32, _ signal: Int32, _ loop: EventLoop) async throws {
        guard let watch = try? ProcessWatch(pid: pid, on: loop) else { return }
        try? watch.signal(signal)
        try await withDeadline(.seconds(10), on: loop, "the end of process \(pid)") { try await watch.waitForExit() }
    }

    /// Who holds the lock of a pid file, if anybody does.
    static func lockOwner(_ path: String) -> Int32? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { cl_close(file) }
        let owner = cl_lock_owner(file)
        return owner > 0 ? owner : nil
    }
}
