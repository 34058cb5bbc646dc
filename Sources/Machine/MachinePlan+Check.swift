extension MachinePlan {
    /// The most disks: four slots of eight root ports.
    package static let maximumDisks = 32
    /// The most network cards: sixteen slots of eight root ports.
    package static let maximumNICs = 128

    /// Refuses a plan that contradicts itself. Pure: whether files exist is the launcher's to find out.
    package func check(taps: Int) throws(MachineError) {
        func refuse(_ condition: Bool, _ message: String) throws(MachineError) {
            if condition { throw MachineError(.invalidPlan, "the machine \(name) can't be started: \(message)") }
        }
        try refuse(taps != nics.count, "it has \(nics.count) network cards but \(taps) taps")
        try refuse(cpus < 1, "it has no CPU")
        try refuse(
            memoryBytes < 1 << 20 || memoryBytes % (1 << 20) != 0, "\(memoryBytes) bytes is no whole MiB of memory")
        try refuse(kernel == nil && initrd != nil, "it has an initrd but no kernel")
        try refuse(kernel == nil && append != nil, "it has a kernel command line but no kernel")
        try refuse(disks.count > Self.maximumDisks, "it has more than \(Self.maximumDisks) disks")
        try refuse(nics.count > Self.maximumNICs, "it has more than \(Self.maximumNICs) network cards")
        for file in files where !file.path.hasPrefix("/") {
            try refuse(true, "\(file.path) is no absolute path")
        }
        try refuse(!directory.path.hasPrefix("/"), "its directory \(directory.path) is no absolute path")
    }

    /// A file that QEMU opens.
    struct File: Hashable {
        enum Role: Hashable { case kernel, initrd, disk(Int), accelerator }

        var path: String
        var role: Role
        var writable: Bool

        var what: String {
            switch role {
            case .kernel: "kernel"
            case .initrd: "initrd"
            case .disk: "disk"
            case .accelerator: "accelerator"
            }
        }
    }

    /// The files that QEMU opens: by name, as the user it runs as, or as descriptors (`HandedFiles`).
    var files: [File] {
        var files: [File] = []
        if let kernel { files.append(File(path: kernel, role: .kernel, writable: false)) }
        if let initrd { files.append(File(path: initrd, role: .initrd, writable: false)) }
        for (index, disk) in disks.enumerated() {
            files.append(File(path: disk.file, role: .disk(index), writable: !disk.readOnly))
        }
        if accelerator == .kvm { files.append(File(path: "/dev/kvm", role: .accelerator, writable: true)) }
        return files
    }
}
