/// Whether a VM is to run.
package enum Power: String, Sendable, Hashable, Codable, CaseIterable {
    /// It runs.
    case on
    /// It does not run.
    case off
    /// It exists, its processors stand still.
    case paused
}

/// What is to happen when a VM ends that is to run.
package enum RestartPolicy: String, Sendable, Hashable, Codable, CaseIterable {
    /// It stays as it is.
    case never
    /// It starts again after a crash, not after a shutdown by its guest.
    case onFailure = "on-failure"
    /// It always starts again.
    case always
}

/// The format of a disk file; always stated, never probed, since a guest can write a header of its choice.
package enum DiskFormat: String, Sendable, Hashable, Codable, CaseIterable {
    /// The bytes of the disk.
    case raw
    /// QEMU's copy-on-write format, version 2 or 3.
    case qcow2
}

/// A disk of a VM: an existing file.
package struct DiskSpec: Sendable, Hashable, Codable {
    /// Absolute path.
    package var file: String
    /// Its format.
    package var format: DiskFormat
    /// Whether the guest may not write; nil is no.
    package var readOnly: Bool?

    /// Makes a disk.
    package init(file: String, format: DiskFormat, readOnly: Bool? = nil) {
        self.file = file
        self.format = format
        self.readOnly = readOnly
    }
}

/// A network interface of a VM.
package struct NICSpec: Sendable, Hashable, Codable {
    /// The name of the network.
    package var network: String
    /// The MAC address asked for; nil lets the node choose.
    package var mac: MACAddress?
    /// The existing interface of a guest that something else runs; nil for a tap of the node's.
    package var interface: String?

    /// Makes an interface.
    package init(network: String, mac: MACAddress? = nil, interface: String? = nil) {
        self.network = network
        self.mac = mac
        self.interface = interface
    }
}

/// The desired state of a VM with every default filled in. What the user wrote is kept beside it, as JSON;
/// `VMSpec.parse` makes this of that.
package struct VMSpec: Sendable, Hashable, Codable {
    /// Number of virtual processors.
    package var cpus: Int
    /// Bytes of memory, a multiple of 1 MiB.
    package var memory: Int64
    /// Whether it is to run.
    package var power: Power
    /// What happens when it ends by itself.
    package var restart: RestartPolicy
    /// Absolute path of a Linux kernel to boot directly.
    package var kernel: String?
    /// Absolute path of its initial ram disk.
    package var initrd: String?
    /// Its command line.
    package var append: String?
    /// The disks, in the guest's order.
    package var disks: [DiskSpec]
    /// The interfaces, in the guest's order.
    package var nics: [NICSpec]
    /// SSH public keys, one each, without line feeds; or `key:NAME` for a stored key of the owner's.
    package var sshKeys: [String]
    /// Cloud-init user-data; a secret.
    package var userData: String?
    /// Cloud-init vendor-data; a secret.
    package var vendorData: String?
    /// Cloud-init network-config.
    package var networkConfig: String?
    /// The operator's labels.
    package var labels: [String: String]
    /// Whether deletion is refused; nil is no.
    package var protected: Bool?

    /// The defaults, with what is given in their place.
    package init(
        cpus: Int = 1, memory: Int64 = 512 << 20, power: Power = .on, restart: RestartPolicy = .onFailure,
        kernel: String? = nil, initrd: String? = nil, append: String? = nil, disks: [DiskSpec] = [],
        nics: [NICSpec] = [NICSpec(network: VMSpec.defaultNetwork)], sshKeys: [String] = [], userData: String? = nil,
        vendorData: String? = nil, networkConfig: String? = nil, labels: [String: String] = [:], protected: Bool? = nil
    ) {
        self.cpus = cpus
        self.memory = memory
        self.power = power
        self.restart = restart
        self.kernel = kernel
        self.initrd = initrd
        self.append = append
        self.disks = disks
        self.nics = nics
        self.sshKeys = sshKeys
        self.userData = userData
        self.vendorData = vendorData
        self.networkConfig = networkConfig
        self.labels = labels
        self.protected = protected
    }

    /// The network of a VM that names none.
    package static let defaultNetwork = "default"

    /// Whether something else runs the guest: its interfaces exist already, and no QEMU is started.
    package var isExternal: Bool { nics.contains { $0.interface != nil } }
}
