package import JSON

/// A column of a table of resources: its title and how its cell comes from a document. Pure.
package struct ResourceColumn: Sendable {
    package var title: String
    /// Shown by `-o wide` only.
    package var isWide: Bool
    package var alignsRight: Bool
    package var leastWidth = 0
    /// The cell of a document at a time (seconds since 1970); `-` for what is unknown, never 0.
    package var cell: @Sendable (_ document: JSONValue, _ now: Double) -> String

    init(
        _ title: String, wide: Bool = false, right: Bool = false,
        _ cell: @escaping @Sendable (_ document: JSONValue, _ now: Double) -> String
    ) {
        self.title = title
        self.isWide = wide
        self.alignsRight = right
        self.cell = cell
    }

    /// A column that shows the value at a pointer (RFC 6901) as it is.
    static func plain(_ title: String, _ pointer: String, wide: Bool = false, right: Bool = false) -> ResourceColumn {
        ResourceColumn(title, wide: wide, right: right) { document, _ in text(document.value(at: pointer)) }
    }

    /// The same column, no narrower than this.
    func atLeast(_ width: Int) -> ResourceColumn {
        var column = self
        column.leastWidth = width
        return column
    }

    static let age = ResourceColumn("AGE") { document, now in
        TimeText.age(from: document["created"]?.stringValue, now: now)
    }

    /// A scalar as a cell; `-` for what is missing, null or no scalar.
    package static func text(_ value: JSONValue?) -> String {
        switch value {
        case .string(let text): text.isEmpty ? "-" : text
        case .int(let number): String(number)
        case .double(let number): String(number)
        case .bool(let flag): flag ? "yes" : "no"
        case .array(let elements) where !elements.isEmpty: elements.map { text($0) }.joined(separator: ",")
        default: "-"
        }
    }
}

extension ResourceColumn {
    /// The columns of a kind of resource; what has no table of its own shows kind and name.
    package static func columns(of kind: String) -> [ResourceColumn] {
        switch kind {
        case "vms", "vm": vm
        case "networks", "network": network
        case "keys", "key": key
        case "macs", "mac": mac
        case "status": status
        case "version": [plain("NAME", "/name"), plain("VERSION", "/version")]
        case "metadata": [plain("PATH", "/path"), plain("VALUE", "/value")]
        case "garbage":
            [
                plain("NAME", "/name"), plain("KIND", "/kind"), plain("REASON", "/reason"),
                plain("ACTION", "/action", wide: true),
            ]
        case "events": event
        default: [plain("KIND", "/kind"), plain("NAME", "/name")]
        }
    }

    private static let vm: [ResourceColumn] = [
        plain("NAME", "/name"), plain("STATE", "/status/state"), plain("NODE", "/status/node"),
        plain("CPU", "/resolved/cpus", right: true),
        ResourceColumn("MEMORY", right: true) { document, _ in
            document.value(at: "/resolved/memory")?.intValue.map(SizeText.format) ?? "-"
        },
        ResourceColumn("ADDRESS") { document, _ in primaryAddress(document) ?? "-" },
        plain("READY", "/status/ready"), age,
        plain("OWNER", "/owner", wide: true), plain("POWER", "/resolved/power", wide: true),
        nics("NETWORK", member: "network"), nics("MAC", member: "mac"), nics("TAP", member: "tap"),
        plain("PID", "/status/pid", wide: true, right: true),
        plain("RESTARTS", "/status/restarts", wide: true, right: true), plain("UUID", "/uuid", wide: true),
    ]

    private static let network: [ResourceColumn] = [
        plain("NAME", "/name"), plain("KIND", "/resolved/kind"), plain("PREFIX", "/resolved/prefix"),
        plain("DOMAIN", "/resolved/domain"), plain("STATE", "/status/state"),
        plain("PORTS", "/status/ports", right: true), age,
        plain("OWNER", "/owner", wide: true), plain("NUMBER", "/number", wide: true, right: true),
        plain("RA", "/resolved/ra", wide: true), plain("DNS", "/resolved/dns", wide: true),
        plain("MTU", "/resolved/mtu", wide: true, right: true), plain("MESSAGE", "/status/message", wide: true),
    ]

    private static let key: [ResourceColumn] = [
        plain("NAME", "/name"),
        ResourceColumn("TYPE") { document, _ in
            document.value(at: "/spec/publicKey")?.stringValue?.split(separator: " ").first.map(String.init) ?? "-"
        },
        age, plain("OWNER", "/owner", wide: true),
    ]

    private static let mac: [ResourceColumn] = [
        plain("MAC", "/mac"), plain("STATE", "/state"), plain("VM", "/vm"), plain("OWNER", "/owner"),
        plain("FREED", "/freed"),
    ]

    private static let status: [ResourceColumn] = [
        plain("NODE", "/node"), plain("OK", "/ok"), plain("VERSION", "/version"),
        ResourceColumn("VMS", right: true) { document, _ in
            let counts = document["vms"]?.objectValue?.values.compactMap(\.intValue)
            return counts.map { String($0.reduce(0, +)) } ?? "-"
        },
        plain("NETWORKS", "/networks", right: true), plain("ACCELERATOR", "/accelerator"),
        ResourceColumn("PROBLEMS", right: true) { document, _ in
            (document["problems"]?.arrayValue?.count).map { String($0) } ?? "-"
        },
        plain("QEMU", "/qemu", wide: true), plain("LOOPS", "/loops", wide: true, right: true),
        plain("REVISION", "/revision", wide: true, right: true),
        plain("HELPER", "/helper/pid", wide: true, right: true), plain("CLUSTER", "/cluster", wide: true),
    ]

    private static let event: [ResourceColumn] = [
        plain("NUMBER", "/sequence", right: true).atLeast(6), plain("TIME", "/time").atLeast(24),
        plain("EVENT", "/event").atLeast(16), plain("SUBJECT", "/subject").atLeast(24),
        plain("MESSAGE", "/message"),
    ]

    private static func nics(_ title: String, member: String) -> ResourceColumn {
        ResourceColumn(title, wide: true) { document, _ in
            text(.array((document["nics"]?.arrayValue ?? []).compactMap { $0[member] }))
        }
    }

    /// The address an operator would use: a global or unique local one before a link-local one.
    static func primaryAddress(_ document: JSONValue) -> String? {
        let all = (document["nics"]?.arrayValue ?? []).flatMap { $0["addresses"]?.arrayValue ?? [] }.compactMap(
            \.stringValue)
        return all.first { !$0.hasPrefix("fe80:") } ?? all.first
    }
}
