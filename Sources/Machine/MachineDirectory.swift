/// The directory of one machine, RUN/vms/<uuid>, and the names in it.
///
/// It belongs to the daemon's user alone (0700). QEMU, which may run as another user, reaches nothing in it by name: it
/// gets descriptors.
package struct MachineDirectory: Sendable, Hashable, Codable {
    /// The directory's path, without a slash at its end.
    package var path: String

    /// The directory at this path.
    package init(_ path: String) { self.path = path }

    /// QEMU's monitor (QMP).
    package var monitorSocket: String { path + "/qmp.sock" }
    /// The guest's serial port; read by the console keeper.
    package var consoleSocket: String { path + "/console.sock" }
    /// Locked by QEMU's process (fcntl, from between fork and exec) and from before on by the launcher (flock), see `Adoption`.
    package var pidFile: String { path + "/pid" }
    /// What QEMU wrote to its standard error, capped; its older half is `qemu.log.1`.
    package var log: String { path + "/qemu.log" }
    /// The pipe that QEMU's standard error is, until the keeper moves it into `log`.
    package var errorPipe: String { path + "/qemu.err" }
    /// The guest's serial output, capped; its older half is `console.log.1`.
    package var consoleLog: String { path + "/console.log" }

    package init(from decoder: any Decoder) throws {
        path = try decoder.singleValueContainer().decode(String.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(path)
    }
}
