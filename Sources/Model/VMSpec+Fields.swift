internal import JSON

extension VMSpec {
    /// Why a text is no path that the node takes; nil when it is one.
    static func pathDefect(_ path: String) -> (message: String, fix: String)? {
        let absolute = "write an absolute path, for example \"/var/lib/images/disk.qcow2\""
        if path.isEmpty { return ("is empty", absolute) }
        if !path.hasPrefix("/") { return ("is not absolute", absolute) }
        if path.utf8.count > VMLimits.path { return ("is longer than \(VMLimits.path) bytes", "use a shorter path") }
        if path.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            return ("has a control character", "rename the file")
        }
        if path.utf8.last == UInt8(ascii: "/") { return ("names a directory", "name a file") }
        if path.split(separator: "/").contains("..") { return ("climbs by \"..\"", "write the path without \"..\"") }
        return nil
    }

    static func readPath(_ field: String, _ reader: inout FieldReader) -> String? {
        guard let path = reader.string(field) else { return nil }
        guard let defect = pathDefect(path) else { return path }
        reader.refuse(field, "path", "\(field) \(quoted(path)) \(defect.message)", fix: defect.fix)
        return nil
    }

    static func readAppend(_ reader: inout FieldReader) -> String? {
        guard let text = reader.string("append") else { return nil }
        guard text.utf8.count <= VMLimits.append else {
            reader.refuse(
                "append", "too-large", "append has \(text.utf8.count) bytes, at most \(VMLimits.append) are allowed",
                fix: "shorten it")
            return nil
        }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            reader.refuse(
                "append", "characters", "append \(quoted(text)) has a control character", fix: "write one line")
            return nil
        }
        return text
    }

    static func readDocument(_ field: String, _ reader: inout FieldReader) -> String? {
        guard let text = reader.string(field, secret: true) else { return nil }
        let size = text.utf8.count
        guard size <= VMLimits.document.bytes else {
            reader.refuse(
                field, "too-large", "\(field) has \(size) bytes, at most \(VMLimits.document) are allowed",
                fix: "make it smaller, for example by #include of an address")
            return nil
        }
        return text
    }

    static func readDisks(_ reader: inout FieldReader) -> [DiskSpec] {
        var disks: [DiskSpec] = []
        for (index, element) in (reader.array("disks", atMost: VMLimits.disks) ?? []).enumerated() {
            var inner = FieldReader(element, at: reader.path("disks") + "/\(index)")
            let file = readPath("file", &inner)
            let format = inner.word("format", DiskFormat.self)
            let readOnly = inner.bool("readOnly")
            var errors = inner.finish()
            let failed = Set(errors.map(\.pointer))
            guard !failed.contains(inner.pointer) else {
                reader.add(errors)
                continue
            }
            if file == nil, !failed.contains(inner.path("file")) {
                errors.append(missing("file", inner.pointer, "give the disk's absolute path"))
            }
            if format == nil, !failed.contains(inner.path("format")) {
                errors.append(missing("format", inner.pointer, "write \"raw\" or \"qcow2\"; it is never guessed"))
            }
            reader.add(errors)
            guard let file, let format else { continue }
            if let other = disks.first(where: { $0.file == file }), readOnly != true || other.readOnly != true {
                reader.refuse(
                    "disks", "duplicate", "disks has the file \(quoted(file)) twice",
                    fix: "leave one out, or make both readOnly")
            }
            disks.append(DiskSpec(file: file, format: format, readOnly: readOnly))
        }
        return disks
    }

    static func missing(_ field: String, _ pointer: String, _ fix: String) -> FieldError {
        FieldError(
            pointer: JSONPointer.appending(field, to: pointer), code: "missing",
            message: "\(field) is missing in \(pointer.dropFirst())", fix: fix)
    }

    static func readNICs(_ reader: inout FieldReader) -> [NICSpec]? {
        guard let elements = reader.array("nics", atMost: VMLimits.nics) else { return nil }
        var nics: [NICSpec] = []
        for (index, element) in elements.enumerated() {
            var inner = FieldReader(element, at: reader.path("nics") + "/\(index)")
            let network = inner.name("network")?.text ?? VMSpec.defaultNetwork
            let mac = readMAC(&inner)
            let interface = readInterface(&inner)
            if let mac, nics.contains(where: { $0.mac == mac }) {
                inner.refuse("mac", "duplicate", "mac \"\(mac)\" is given twice", fix: "give each nic a mac of its own")
            }
            if let interface, nics.contains(where: { $0.interface == interface }) {
                inner.refuse(
                    "interface", "duplicate", "interface \"\(interface)\" is given twice",
                    fix: "give each nic an interface of its own")
            }
            reader.add(inner.finish())
            nics.append(NICSpec(network: network, mac: mac, interface: interface))
        }
        return nics
    }

    private static func readMAC(_ reader: inout FieldReader) -> MACAddress? {
        guard let text = reader.string("mac") else { return nil }
        let example = "write six pairs of hexadecimal digits, for example \"42:00:00:12:34:56\", or leave it out"
        guard let mac = MACAddress(text) else {
            reader.refuse("mac", "mac", "mac \(quoted(text)) is not a MAC address", fix: example)
            return nil
        }
        guard !mac.isMulticast, mac.rawValue != 0 else {
            let why = mac.rawValue == 0 ? "is all zero" : "is a multicast address"
            reader.refuse("mac", "mac", "mac \"\(mac)\" \(why)", fix: example)
            return nil
        }
        return mac
    }

    private static func readInterface(_ reader: inout FieldReader) -> String? {
        guard let text = reader.string("interface") else { return nil }
        // The kernel's dev_valid_name, and "%", which it takes for a pattern.
        let isValid =
            (1...15).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"/:%".utf8.contains($0) }
        guard isValid else {
            reader.refuse(
                "interface", "interface", "interface \(quoted(text)) is not the name of a network interface",
                fix: "write 1 to 15 printable characters without space, \"/\", \":\" and \"%\"; see: ip link")
            return nil
        }
        return text
    }

    /// What stands before the name of a key that the owner keeps (`KeyRecord`), in place of the key itself.
    package static let storedKeyPrefix = "key:"

    /// What stands before the name of a stored key of the owner's.
    package static let keyReference = "key:"

    static func readKeys(_ reader: inout FieldReader) -> [String] {
        var keys: [SSHPublicKey] = []
        var lines: [String] = []
        var stored: [String] = []
        for (index, element) in (reader.array("sshKeys", atMost: VMLimits.sshKeys) ?? []).enumerated() {
            let pointer = reader.path("sshKeys") + "/\(index)"
            guard case .string(let text) = element else {
                reader.add([
                    FieldError(
                        pointer: pointer, code: "type",
                        message: "sshKeys/\(index) is \(element.kindDescription), not a string",
                        fix: "give the key's line, as in ~/.ssh/id_ed25519.pub")
                ])
                continue
            }
            if text.hasPrefix(storedKeyPrefix), Name(String(text.dropFirst(storedKeyPrefix.count))) != nil {
                if !stored.contains(text) { stored.append(text) }
                continue
            }
            if text.hasPrefix(keyReference) {
                let name = String(text.dropFirst(keyReference.count))
                let error = Name.error(for: name, field: "sshKeys/\(index) names the key", pointer: pointer)
                reader.add(error.map { [$0] } ?? [])
                if !lines.contains(text) { lines.append(text) }
                continue
            }
            do throws(SSHPublicKey.Defect) {
                let key = try SSHPublicKey(text)
                // The same key twice does no harm; the guest gets it once.
                guard !keys.contains(where: { $0.type == key.type && $0.blob == key.blob }) else { continue }
                keys.append(key)
                lines.append(key.text)
            } catch {
                reader.add([error.fieldError(field: "sshKeys/\(index)", pointer: pointer)])
            }
        }
        return lines + stored
    }

    static func readLabels(_ reader: inout FieldReader) -> [String: String] {
        guard let value = reader.raw("labels") else { return [:] }
        guard case .object(let members) = value else {
            reader.refuse(
                "labels", "type", "labels is \(FieldReader.show(value)), not an object",
                fix: "write {\"key\": \"value\"}")
            return [:]
        }
        guard members.count <= VMLimits.labels else {
            reader.refuse(
                "labels", "count", "labels has \(members.count) entries, at most \(VMLimits.labels) are allowed",
                fix: "leave out \(members.count - VMLimits.labels) of them")
            return [:]
        }
        var labels: [String: String] = [:]
        for (key, value) in members.sorted(by: { $0.key < $1.key }) {
            let pointer = JSONPointer.appending(key, to: reader.path("labels"))
            if let error = LabelRule.error(key: key, value: value, pointer: pointer) {
                reader.add([error])
            } else if case .string(let text) = value {
                labels[key] = text
            }
        }
        return labels
    }
}
