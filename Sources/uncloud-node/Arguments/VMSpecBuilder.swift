package import JSON
internal import Model

/// Builds a VM's `spec` from flags: whole for `vm create`, as a merge patch for `vm set`. Pure but for the files that
/// the flags name.
package struct VMSpecBuilder {
    var flags: VMSpecFlags
    var reader: ArgumentReader
    private var spec: [String: JSONValue] = [:]

    package init(flags: VMSpecFlags, reader: ArgumentReader) {
        self.flags = flags
        self.reader = reader
    }

    /// The `spec` object, with just what was said.
    ///
    /// - Throws: what names the flag that is wrong.
    package mutating func build() throws(CommandFailure) -> JSONValue {
        spec = [:]
        try scalars()
        try texts()
        if !flags.disk.isEmpty {
            spec["disks"] = .array(try flags.disk.map { text throws(CommandFailure) in try disk(text) })
        }
        if !flags.nic.isEmpty || flags.interface != nil { spec["nics"] = .array(try nics()) }
        if !flags.sshKey.isEmpty { spec["sshKeys"] = .array(try sshKeys()) }
        if !flags.label.isEmpty { spec["labels"] = try labels() }
        for name in flags.unset { spec[try member(toUnset: name)] = .null }
        return .object(spec)
    }

    private mutating func scalars() throws(CommandFailure) {
        if let cpus = flags.cpus {
            guard let count = Int64(cpus) else {
                throw CommandFailure(.usage, "\(quoted(cpus)) is no whole number", field: "--cpus", fix: "write 2")
            }
            spec["cpus"] = .int(count)
        }
        if let memory = flags.memory {
            do throws(ByteSize.Defect) {
                spec["memory"] = .int(try ByteSize(memory).bytes)
            } catch {
                throw CommandFailure(.usage, "\(quoted(memory)) \(error.message)", field: "--memory", fix: error.fix)
            }
        }
        for (flag, member, value, choices) in [
            ("--restart", "restart", flags.restart, ["never", "on-failure", "always"]),
            ("--power", "power", flags.power, ["on", "off", "paused"]),
        ] {
            guard let value else { continue }
            spec[member] = .string(try Self.choice(value, flag: flag, among: choices))
        }
        if let protected = flags.protected { spec["protected"] = .bool(protected) }
    }

    private mutating func texts() throws(CommandFailure) {
        if let kernel = flags.kernel { spec["kernel"] = .string(reader.path(kernel)) }
        if let initrd = flags.initrd { spec["initrd"] = .string(reader.path(initrd)) }
        if let append = flags.append { spec["append"] = .string(append) }
        for (flag, member, value) in [
            ("--user-data", "userData", flags.userData), ("--vendor-data", "vendorData", flags.vendorData),
            ("--network-config", "networkConfig", flags.networkConfig),
        ] {
            guard let value else { continue }
            let text = try reader.text(value, flag: flag)
            guard text.utf8.count <= VMLimits.document.bytes else {
                throw CommandFailure(
                    .usage, "has \(text.utf8.count) bytes, at most \(VMLimits.document) are allowed", field: flag,
                    fix: "make it smaller, for example by #include of an address")
            }
            spec[member] = .string(text)
        }
    }

    private func disk(_ text: String) throws(CommandFailure) -> JSONValue {
        let flag = "--disk"
        var parts = FlagParts(text, flag: flag)
        guard let file = parts.takeFirstWithoutName() ?? parts.take("file"), !file.isEmpty else {
            throw CommandFailure(.usage, "names no file", field: flag, fix: "write it as FILE,format=raw")
        }
        guard let format = parts.take("format") else {
            throw CommandFailure(
                .usage, "\(quoted(text)) states no format", field: flag,
                fix: "add ,format=raw or ,format=qcow2; a format is never guessed")
        }
        var disk: JSONValue = ["file": .string(reader.path(file))]
        disk["format"] = .string(try Self.choice(format, flag: flag, among: ["raw", "qcow2"]))
        if parts.takeWord("readonly") { disk["readOnly"] = true }
        try parts.finish(known: ["format", "readonly"])
        return disk
    }

    private func nics() throws(CommandFailure) -> [JSONValue] {
        let flag = "--nic"
        var nics: [JSONValue] = []
        for text in flags.nic {
            var parts = FlagParts(text, flag: flag)
            var nic: JSONValue = [:]
            guard let network = parts.take("network") else {
                throw CommandFailure(.usage, "\(quoted(text)) names no network", field: flag, fix: "write network=NAME")
            }
            nic["network"] = .string(network)
            nic["mac"] = parts.take("mac").map { .string($0) }
            nic["interface"] = parts.take("interface").map { .string($0) }
            try parts.finish(known: ["network", "mac", "interface"])
            nics.append(nic)
        }
        guard let interface = flags.interface else { return nics }
        guard nics.count <= 1 else {
            throw CommandFailure(
                .usage, "stands beside several --nic", field: "--interface",
                fix: "write interface=\(interface) within the --nic that is meant")
        }
        var nic = nics.first ?? ["network": "default"]
        nic["interface"] = .string(interface)
        return [nic]
    }

    private func sshKeys() throws(CommandFailure) -> [JSONValue] {
        var keys: [JSONValue] = []
        for value in flags.sshKey {
            let lines = try reader.text(value, flag: "--ssh-key").split(whereSeparator: \.isNewline)
            let found = lines.map { $0.trimming(" \t") }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
            guard !found.isEmpty else {
                throw CommandFailure(
                    .usage, "\(quoted(value)) holds no key", field: "--ssh-key", fix: "give a .pub file")
            }
            keys += found.map { .string($0) }
        }
        return keys
    }

    private func labels() throws(CommandFailure) -> JSONValue {
        var labels: [String: JSONValue] = [:]
        for text in flags.label {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if parts.count == 2, !parts[0].isEmpty {
                labels[parts[0]] = .string(parts[1])
            } else if parts.count == 1, text.hasSuffix("-"), text.count > 1 {
                labels[String(text.dropLast())] = .null
            } else {
                throw CommandFailure(
                    .usage, "\(quoted(text)) is no label", field: "--label", fix: "write k=v, or k- to remove it")
            }
        }
        return .object(labels)
    }

    private func member(toUnset name: String) throws(CommandFailure) -> String {
        let members = [
            "cpus": "cpus", "memory": "memory", "disk": "disks", "nic": "nics", "ssh-key": "sshKeys",
            "user-data": "userData", "vendor-data": "vendorData", "network-config": "networkConfig",
            "kernel": "kernel", "initrd": "initrd", "append": "append", "restart": "restart", "power": "power",
            "protected": "protected", "label": "labels",
        ]
        guard let member = members[name] else {
            throw CommandFailure(
                .usage, "\(quoted(name)) is no field", field: "--unset",
                fix: "one of \(members.keys.sorted().joined(separator: ", "))")
        }
        return member
    }

    /// The value where it is one of the choices.
    static func choice(_ value: String, flag: String, among choices: [String]) throws(CommandFailure) -> String {
        guard choices.contains(value) else {
            throw CommandFailure(
                .usage, "\(quoted(value)) is none of \(choices.joined(separator: ", "))", field: flag,
                fix: "write one of them")
        }
        return value
    }
}

extension Substring {
    /// The text without these characters at its ends.
    func trimming(_ characters: String) -> String {
        var rest = self
        while let first = rest.first, characters.contains(first) { rest = rest.dropFirst() }
        while let last = rest.last, characters.contains(last) { rest = rest.dropLast() }
        return String(rest)
    }
}
