internal import QemuMonitor

/// Renders QEMU's command line. Pure; `Tests/MachineTests/Transcripts` holds what it makes of a few plans.
package enum Argv {
    /// The descriptors that QEMU inherits, by their number in QEMU.
    package struct Descriptors: Sendable, Hashable {
        /// A listening unix socket for the monitor.
        package var monitor: Int32
        /// A listening unix socket for the serial port.
        package var console: Int32
        /// The open pid file.
        package var pidFile: Int32
        /// The taps, in the plan's order.
        package var taps: [Int32]
        /// Copies of kernel and initrd; nil where QEMU opens them by name.
        package var kernel: Int32?
        package var initrd: Int32?
        /// Open disks by their place; the others QEMU opens by name.
        package var disks: [Int: Int32] = [:]

        /// Descriptors.
        package init(monitor: Int32, console: Int32, pidFile: Int32, taps: [Int32]) {
            self.monitor = monitor
            self.console = console
            self.pidFile = pidFile
            self.taps = taps
        }

        /// The numbers that the launcher uses: 3 and up.
        package static func standard(taps: Int) -> Self {
            Self(monitor: 3, console: 4, pidFile: 5, taps: (0..<Int32(taps)).map { 6 + $0 })
        }

        /// The same, with files behind the taps.
        static func standard(taps: Int, files: HandedFiles) -> Self {
            var numbers = standard(taps: taps)
            var next = 6 + Int32(taps)
            func take() -> Int32 {
                defer { next += 1 }
                return next
            }
            if files.kernel != nil { numbers.kernel = take() }
            if files.initrd != nil { numbers.initrd = take() }
            for index in files.disks.keys.sorted() { numbers.disks[index] = take() }
            return numbers
        }
    }

    /// QEMU's arguments, without the program's name.
    package static func render(_ plan: MachinePlan, _ descriptors: Descriptors) -> [String] {
        identity(plan) + machine(plan) + safety() + monitor(descriptors) + boot(plan, descriptors)
            + devices(plan) + disks(plan, descriptors) + nics(plan, descriptors)
    }

    /// A value inside an option list: QEMU ends values at a comma and reads a doubled one as one.
    static func escaped(_ value: String) -> String {
        guard value.contains(",") else { return value }
        return String(value.flatMap { $0 == "," ? [$0, $0] : [$0] })
    }

    private static func identity(_ plan: MachinePlan) -> [String] {
        [
            "-name", "guest=\(escaped(plan.name))",
            "-uuid", plan.uuid,
            "-smbios", "type=1,manufacturer=uncloud,product=uncloud,serial=\(escaped(plan.serial)),uuid=\(plan.uuid)",
        ]
    }

    private static func machine(_ plan: MachinePlan) -> [String] {
        [
            "-no-user-config", "-nodefaults",
            "-machine",
            "\(plan.machineType),accel=\(plan.accelerator.rawValue),usb=off,vmport=off,smbus=off,sata=off,hpet=off,"
                + "dump-guest-core=off",
            "-cpu", cpuModel(plan),
            "-smp", "cpus=\(plan.cpus)",
            "-m", "size=\(plan.memoryBytes >> 20)M",
            "-rtc", "base=utc,driftfix=slew",
            "-global", "ICH9-LPC.disable_s3=1",
            "-global", "ICH9-LPC.disable_s4=1",
            "-display", "none",
        ]
    }

    /// TCG's cmpxchg16b of QEMU before 8 makes newer kernels oops; without it in CPUID they don't use it.
    private static func cpuModel(_ plan: MachinePlan) -> String {
        switch plan.accelerator {
        case .kvm: "host"
        case .tcg: plan.qemuVersion.major < 8 ? "max,cx16=off" : "max"
        }
    }

    /// What makes the process adoptable and small to attack. `-S`: nothing runs before the daemon has the session;
    /// `-no-shutdown`: a guest that powers off leaves QEMU to tell why.
    /// There is no `-pidfile`: QEMU would open it by a name that a user of its own can't reach; the launcher locks it.
    private static func safety() -> [String] {
        [
            "-S", "-no-shutdown",
            "-msg", "timestamp=on",
            "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        ]
    }

    private static func monitor(_ descriptors: Descriptors) -> [String] {
        [
            "-chardev", "socket,id=monitor,fd=\(descriptors.monitor),server=on,wait=off",
            "-mon", "chardev=monitor,mode=control",
            "-chardev", "socket,id=console,fd=\(descriptors.console),server=on,wait=off",
            "-device", "isa-serial,chardev=console,id=serial0",
        ]
    }

    /// The name by which a process opens anew what it inherited.
    private static func inherited(_ descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }

    private static func boot(_ plan: MachinePlan, _ descriptors: Descriptors) -> [String] {
        var arguments = ["-boot", "strict=on"]
        guard let kernel = plan.kernel else { return arguments }
        arguments += ["-kernel", descriptors.kernel.map(inherited) ?? kernel]
        if let initrd = plan.initrd { arguments += ["-initrd", descriptors.initrd.map(inherited) ?? initrd] }
        arguments += ["-append", plan.append ?? "console=ttyS0"]
        return arguments
    }

    private static func devices(_ plan: MachinePlan) -> [String] {
        [
            "-object", "rng-random,id=entropy,filename=/dev/urandom",
            "-device", "virtio-rng-pci,rng=entropy,id=rng0,bus=pcie.0,addr=0x2",
            "-device", "pvpanic-pci,id=panic0,bus=pcie.0,addr=0x3",
            "-device", "vmcoreinfo",
        ]
    }

    private static func disks(_ plan: MachinePlan, _ descriptors: Descriptors) -> [String] {
        var arguments: [String] = plan.disks.isEmpty ? [] : ["-object", "iothread,id=disks"]
        for (index, disk) in plan.disks.enumerated() {
            let access = "read-only=\(disk.readOnly ? "on" : "off"),discard=unmap"
            var name = escaped(disk.file)
            if let descriptor = descriptors.disks[index] {
                arguments += ["-add-fd", "fd=\(descriptor),set=\(index)"]
                name = "/dev/fdset/\(index)"
            }
            arguments += [
                "-blockdev",
                "driver=file,node-name=file\(index),filename=\(name),aio=threads,\(access)",
                "-blockdev",
                "driver=\(disk.format.rawValue),node-name=disk\(index),file=file\(index),\(access)",
            ]
            arguments += rootPort("disk-port\(index)", slot: 4, index: index)
            arguments += [
                "-device",
                "virtio-blk-pci,id=vd\(index),bus=disk-port\(index),drive=disk\(index),iothread=disks,"
                    + "bootindex=\(index + 1)",
            ]
        }
        return arguments
    }

    private static func nics(_ plan: MachinePlan, _ descriptors: Descriptors) -> [String] {
        var arguments: [String] = []
        for (index, pair) in zip(plan.nics, descriptors.taps).enumerated() {
            arguments += ["-netdev", "tap,id=net\(index),fd=\(pair.1),vhost=off"]
            arguments += rootPort("nic-port\(index)", slot: 8, index: index)
            arguments += [
                "-device",
                "virtio-net-pci,id=nic\(index),bus=nic-port\(index),netdev=net\(index),mac=\(pair.0.mac),romfile=",
            ]
        }
        return arguments
    }

    /// A PCIe root port, eight to a slot: `pcie.0` itself takes no hot-plug.
    private static func rootPort(_ id: String, slot: Int, index: Int) -> [String] {
        let place = "addr=0x\(String(slot + index / 8, radix: 16)).0x\(index % 8)"
        let multifunction = index % 8 == 0 ? ",multifunction=on" : ""
        let chassis = slot * 8 + index
        return ["-device", "pcie-root-port,id=\(id),bus=pcie.0,chassis=\(chassis),\(place)\(multifunction)"]
    }
}
