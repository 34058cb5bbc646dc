internal import Foundation
package import QemuMonitor

/// All that one QEMU process is started from: a value, stored before the start as the intent.
///
/// Two equal plans make equal command lines but for the numbers of passed descriptors.
package struct MachinePlan: Sendable, Hashable, Codable {
    /// Lowercase UUID text; also the VM's id.
    package var uuid: String
    /// What QEMU is called in process lists; commas and spaces are allowed.
    package var name: String
    /// Virtual CPUs, 1 or more.
    package var cpus: Int
    /// A multiple of 1 MiB.
    package var memoryBytes: Int64
    /// A kernel to boot directly; nil boots the first disk.
    package var kernel: String?
    /// Needs `kernel`.
    package var initrd: String?
    /// The kernel's command line as it stands; nil makes it `console=ttyS0`.
    package var append: String?
    /// In boot order.
    package var disks: [Disk]
    /// In the order of the tap descriptors given to the launcher.
    package var nics: [NIC]
    /// Who runs the guest's instructions.
    package var accelerator: Accelerator
    /// RUN/vms/<uuid>: sockets, pid file and logs.
    package var directory: MachineDirectory
    /// The path of `qemu-system-x86_64`.
    package var qemuBinary: String
    /// From `QemuInfo.probe`: decides what the command line may hold.
    package var qemuVersion: QemuVersion
    /// The versioned name (`pc-q35-7.2`), never an alias: an upgrade of QEMU must not change a stored machine.
    package var machineType: String
    /// The user that QEMU runs as; nil keeps the daemon's. Needs root.
    package var uid: UInt32?
    /// The group that QEMU runs as.
    package var gid: UInt32?
    /// SMBIOS serial number; tells unmodified images where their metadata is.
    package var serial: String

    /// A disk of the guest: a virtio block device over a file.
    package struct Disk: Sendable, Hashable, Codable {
        /// The image's absolute path.
        package var file: String
        /// Stated by the operator, never probed: a guest can write any header into a raw disk.
        package var format: Format
        /// Whether the guest may only read it.
        package var readOnly: Bool

        /// The image formats.
        package enum Format: String, Sendable, Hashable, Codable {
            /// The file is the disk.
            case raw
            /// QEMU's own.
            case qcow2
        }

        /// A disk.
        package init(file: String, format: Format, readOnly: Bool = false) {
            self.file = file
            self.format = format
            self.readOnly = readOnly
        }
    }

    /// A network card of the guest: virtio over a tap that exists already.
    package struct NIC: Sendable, Hashable, Codable {
        /// As text, with colons.
        package var mac: String
        /// The tap's name, for people: QEMU gets the open tap.
        package var tapName: String

        /// A network card.
        package init(mac: String, tapName: String) {
            self.mac = mac
            self.tapName = tapName
        }
    }

    /// Who runs the guest's instructions.
    package enum Accelerator: String, Sendable, Hashable, Codable {
        /// QEMU itself, in software. No security boundary by QEMU's own policy: for trusted guests only.
        case tcg
        /// The CPU.
        case kvm
    }

    /// The serial number that points cloud-init's NoCloud at the node's metadata service.
    package static let metadataSerial = "ds=nocloud-net;s=http://metadata/"

    /// A plan.
    package init(
        uuid: String, name: String, cpus: Int, memoryBytes: Int64, kernel: String? = nil, initrd: String? = nil,
        append: String? = nil, disks: [Disk] = [], nics: [NIC] = [], accelerator: Accelerator,
        directory: MachineDirectory, qemuBinary: String, qemuVersion: QemuVersion, machineType: String,
        uid: UInt32? = nil, gid: UInt32? = nil, serial: String = MachinePlan.metadataSerial
    ) {
        self.uuid = uuid
        self.name = name
        self.cpus = cpus
        self.memoryBytes = memoryBytes
        self.kernel = kernel
        self.initrd = initrd
        self.append = append
        self.disks = disks
        self.nics = nics
        self.accelerator = accelerator
        self.directory = directory
        self.qemuBinary = qemuBinary
        self.qemuVersion = qemuVersion
        self.machineType = machineType
        self.uid = uid
        self.gid = gid
        self.serial = serial
    }
}
