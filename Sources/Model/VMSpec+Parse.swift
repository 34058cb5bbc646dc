package import JSON

/// The limits of a VM's specification.
package enum VMLimits {
    /// Virtual processors.
    package static let cpus: ClosedRange<Int64> = 1...256
    /// Memory.
    package static let memory = ByteSize.mebibytes(4)...ByteSize(bytes: 16 << 40)
    /// Disks of one VM.
    package static let disks = 16
    /// Interfaces of one VM.
    package static let nics = 8
    /// SSH keys of one VM.
    package static let sshKeys = 64
    /// Bytes of each of user-data, vendor-data and network-config.
    package static let document = ByteSize.mebibytes(1)
    /// Bytes of the whole specification as JSON; with the rest of the record it must fit a transaction of the store.
    package static let specification = ByteSize(bytes: 1408 << 10)
    /// Bytes of the kernel's command line (Linux takes 2,048 on x86 with the terminating zero).
    package static let append = 2047
    /// Bytes of a path.
    package static let path = 4095
    /// Labels of one VM.
    package static let labels = 32
}

extension VMSpec {
    /// Checks a specification as a user wrote it and fills in the defaults.
    ///
    /// Every wrong field is told, not the first only. `pointer` is where the specification stands in the request.
    ///
    /// - Throws: `ProblemError` 422 `vm.invalid` with a `FieldError` for each wrong field.
    package static func parse(_ written: JSONValue, at pointer: String = "/spec") throws(ProblemError) -> VMSpec {
        var reader = FieldReader(written, at: pointer)
        let spec = read(&reader)
        var errors = reader.finish()
        let size = written.encoded().count
        if errors.isEmpty, size > VMLimits.specification.bytes {
            errors.append(
                FieldError(
                    pointer: pointer, code: "too-large",
                    message: "the specification has \(size) bytes as JSON, at most "
                        + "\(VMLimits.specification.bytes) fit the store",
                    fix: "make userData, vendorData or networkConfig smaller, for example by #include of an address"))
        }
        guard errors.isEmpty else { throw ProblemError.invalid(errors, code: "vm.invalid") }
        return spec
    }

    private static func read(_ reader: inout FieldReader) -> VMSpec {
        var spec = VMSpec()
        if let cpus = reader.int("cpus", in: VMLimits.cpus) { spec.cpus = Int(cpus) }
        spec.memory = reader.size("memory", in: VMLimits.memory, step: .mebibytes(1)) ?? spec.memory
        spec.power = reader.word("power", Power.self) ?? spec.power
        spec.restart = reader.word("restart", RestartPolicy.self) ?? spec.restart
        spec.kernel = readPath("kernel", &reader)
        spec.initrd = readPath("initrd", &reader)
        spec.append = readAppend(&reader)
        spec.disks = readDisks(&reader)
        spec.nics = readNICs(&reader) ?? spec.nics
        spec.sshKeys = readKeys(&reader)
        spec.userData = readDocument("userData", &reader)
        spec.vendorData = readDocument("vendorData", &reader)
        spec.networkConfig = readDocument("networkConfig", &reader)
        spec.labels = readLabels(&reader)
        spec.protected = reader.bool("protected")
        checkTogether(spec, &reader)
        return spec
    }

    private static func checkTogether(_ spec: VMSpec, _ reader: inout FieldReader) {
        if spec.kernel == nil, reader.errors.isEmpty {
            for (field, value) in [("initrd", spec.initrd), ("append", spec.append)] where value != nil {
                reader.refuse(
                    field, "needs-kernel", "\(field) is given without a kernel",
                    fix: "give kernel too, or leave out \(field)")
            }
        }
        guard spec.isExternal else { return }
        for (index, nic) in spec.nics.enumerated() where nic.interface == nil {
            reader.refuse(
                "nics", "mixed", "nics/\(index) has no interface while another has one",
                fix: "give every nic an interface, or none: the node runs a VM wholly or not at all")
        }
        let given: [(String, Bool)] = [
            ("kernel", spec.kernel != nil), ("initrd", spec.initrd != nil), ("append", spec.append != nil),
            ("disks", !spec.disks.isEmpty),
        ]
        for (field, isGiven) in given where isGiven {
            reader.refuse(
                field, "external", "\(field) is given, but a nic has an interface, so something else runs the guest",
                fix: "leave out \(field), or the nic's interface")
        }
    }
}
