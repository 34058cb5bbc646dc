internal import CLinux
internal import Glibc
package import Runtime

/// Whether KVM runs guests here.
package struct KVMProbe: Sendable, Hashable, Codable {
    /// Why it does or doesn't; stable words.
    package enum Reason: String, Sendable, Hashable, Codable {
        /// A guest ran.
        case works = "works"
        /// The CPU shows no virtualization to this kernel.
        case noCPUSupport = "no-cpu-support"
        /// There is no /dev/kvm.
        case noDevice = "no-device"
        /// /dev/kvm is closed to this user.
        case noAccess = "no-access"
        /// QEMU refused or ended without the guest's sign.
        case guestFailed = "guest-failed"
        /// The guest gave no sign in time: /dev/kvm opens, but runs nothing.
        case guestHung = "guest-hung"
    }

    /// Whether to use it.
    package var isUsable: Bool { reason == .works }
    /// Why.
    package var reason: Reason
    /// One sentence for people.
    package var message: String
    /// What mends it, if that is known.
    package var fix: String?
}

/// Finds out whether KVM runs guests: by the CPU's flags, the device, and a guest of eight bytes that must really run.
/// The device node alone proves nothing: nested stubs open well and run nothing.
///
/// - Parameters:
///   - qemu: the binary.
///   - loop: where its exit is waited for.
///   - deadline: for the guest; it needs a fraction of a second.
/// - Returns: the finding; nothing is left running.
package func probeKVM(qemu: String, on loop: EventLoop, within deadline: Duration = .seconds(5)) async -> KVMProbe {
    guard let information = readText("/proc/cpuinfo"), ProbeGuest.hasVirtualization(cpuinfo: information) else {
        return KVMProbe(
            reason: .noCPUSupport, message: "the CPU shows neither vmx nor svm: guests would run in software",
            fix: "switch virtualization on in the firmware, or nested virtualization on this machine's host")
    }
    let device = open("/dev/kvm", O_RDWR | O_CLOEXEC)
    guard device >= 0 else {
        if errno == ENOENT {
            return KVMProbe(
                reason: .noDevice, message: "there is no /dev/kvm", fix: "modprobe kvm_intel || modprobe kvm_amd")
        }
        return KVMProbe(
            reason: .noAccess, message: "/dev/kvm: \(Preparation.text(errno))",
            fix: "add the node's user to the group kvm")
    }
    cl_close(device)
    return await ProbeGuest.run(qemu: qemu, accelerator: .kvm, on: loop, within: deadline)
}

/// The probe's guest: a BIOS of 64 KiB whose first instructions, at the CPU's reset vector, write to QEMU's exit port.
package enum ProbeGuest {
    /// What the guest writes; QEMU then exits with twice that plus one.
    static let sign: UInt8 = 0x2a
    static let exitCode = Int32(sign) << 1 | 1

    /// `mov $0x2a,%al; out %al,$0xf4; cli; hlt; jmp .-1` at the reset vector, sixteen bytes before the end.
    static var bios: [UInt8] {
        var image = [UInt8](repeating: 0xf4, count: 65536)
        image.replaceSubrange(0xfff0..<0xfff8, with: [0xb0, sign, 0xe6, 0xf4, 0xfa, 0xf4, 0xeb, 0xfd])
        return image
    }

    /// Whether /proc/cpuinfo shows vmx or svm.
    package static func hasVirtualization(cpuinfo: String) -> Bool {
        cpuinfo.split(separator: "\n").first { $0.hasPrefix("flags") }
            .map { $0.split(separator: " ").contains { $0 == "vmx" || $0 == "svm" } } ?? false
    }

    /// Runs the guest and waits for its sign.
    package static func run(
        qemu: String, accelerator: MachinePlan.Accelerator, on loop: EventLoop, within deadline: Duration
    ) async -> KVMProbe {
        let process: ChildProcess
        do {
            process = try await start(qemu, accelerator, on: loop)
        } catch {
            return KVMProbe(
                reason: .guestFailed, message: "\(qemu) can't be executed: \(error)", fix: "install qemu-system-x86")
        }
        defer { try? process.kill(SIGKILL) }
        do {
            let status = try await withDeadline(deadline, on: loop, "the probe's guest") {
                try await process.waitForExit()
            }
            guard status == .exited(exitCode) else {
                return KVMProbe(
                    reason: .guestFailed, message: "a guest did not start under \(accelerator.rawValue): QEMU \(status)"
                )
            }
            return KVMProbe(reason: .works, message: "a guest ran under \(accelerator.rawValue)")
        } catch {
            return KVMProbe(
                reason: .guestHung,
                message: "a guest gave no sign of life under \(accelerator.rawValue) within \(deadline)",
                fix: "use accelerator tcg, or mend nested virtualization on this machine's host")
        }
    }

    private static func start(
        _ qemu: String, _ accelerator: MachinePlan.Accelerator, on loop: EventLoop
    ) async throws -> ChildProcess {
        let image = bios
        let file = try SystemError.check(cl_memory_file("probe", image, image.count), "the probe's guest")
        defer { cl_close(file) }
        var spec = ProcessSpec(
            executable: qemu,
            arguments: [
                "-no-user-config", "-nodefaults", "-display", "none", "-machine", "q35,accel=\(accelerator.rawValue)",
                "-cpu", accelerator == .kvm ? "host" : "max", "-m", "16M", "-bios", "/proc/self/fd/3", "-no-reboot",
                "-device",
                "isa-debug-exit,iobase=0xf4,iosize=0x01",
            ])
        spec.inheritedDescriptors = [3: file]
        // QEMU aborts noisily where KVM is a stub; its core is nobody's.
        spec.directory = "/"
        spec.deathSignal = SIGKILL
        return try await ChildProcess.spawn(spec, on: loop)
    }
}

private func readText(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { cl_close(file) }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        // SAFETY: the buffer's own bounds.
        let count = buffer.withUnsafeMutableBytes { unsafe cl_read(file, $0.baseAddress, $0.count) }
        guard count > 0 else { break }
        text += buffer[..<count]
    }
    return String(decoding: text, as: UTF8.self)
}
