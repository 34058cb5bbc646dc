import Glibc
import JSON
import QemuMonitor
import Runtime

/// Starts QEMU with a guest of one disk sector, lets it run by QMP, and tells what it hears until the guest has powered
/// itself off. `example-qmp-guest [FOLDER]`: where the sector and the monitor's socket are put, the present one by default.
@main
struct QMPGuest {
    static func main() async throws {
        let folder = CommandLine.arguments.dropFirst().first ?? "."
        let group = try EventLoopGroup(loops: 1, label: "qmp")
        let loop = group.loops[0]
        let files = Files(on: BlockingPool(threads: 1))
        try await files.write(bootSector, to: folder + "/guest.img")

        // QEMU gets the listening socket: one can connect before it runs, and nothing has to be polled.
        let path = folder + "/qmp.sock"
        let socket = try Listener.socket(on: .unix(path: path))
        let qemu = try await ChildProcess.spawn(
            ProcessSpec(
                executable: "/usr/bin/qemu-system-x86_64", arguments: arguments(image: folder + "/guest.img"),
                inheritedDescriptors: [2: 2, 3: socket], deathSignal: SIGKILL), on: loop)
        let monitor = try await Monitor.connect(path: path, on: loop, greetingWithin: .seconds(30), label: "guest")
        close(socket)

        if let version = await monitor.greeting?.version { print("QEMU \(version)") }
        let status = try await monitor.execute("query-status")
        print("status: \(status["status"]?.stringValue ?? "?")")
        _ = try await monitor.execute("cont")
        while let event = try await monitor.events.receive() { print("event: \(event)") }
        if let end = await monitor.waitForShutdown() { print("ended by the guest: \(end.guest), \(end.reason)") }
        print("QEMU \(try await qemu.waitForExit())")

        await monitor.close()
        unlink(path)
        await group.shutdown()
    }

    /// Stopped at first (`-S`), so that no event is missed.
    static func arguments(image: String) -> [String] {
        [
            "-S", "-nodefaults", "-display", "none", "-accel", "tcg", "-m", "16M",
            "-drive", "file=\(image),format=raw,if=ide,snapshot=on",
            "-chardev", "socket,id=monitor,fd=3,server=on,wait=off", "-mon", "chardev=monitor,mode=control",
        ]
    }

    /// Writes SLP_EN for S5 to the ACPI port of QEMU's default machine, that is, powers off: `mov dx, 0x604; mov ax, 0x2000;
    /// out dx, ax; hlt; jmp $-1`, and the signature of a boot sector.
    static var bootSector: [UInt8] {
        let code: [UInt8] = [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4, 0xeb, 0xfd]
        return code + [UInt8](repeating: 0, count: 510 - code.count) + [0x55, 0xaa]
    }
}
