public import JSON

/// One line from QEMU, sorted by kind.
public enum MonitorMessage: Sendable, Hashable {
    /// The first line of a session.
    case greeting(MonitorGreeting)
    /// The result of the command with this id.
    case result(id: JSONValue?, JSONValue)
    /// QEMU's refusal. It has no id if QEMU could not parse what it was sent.
    case failure(id: JSONValue?, errorClass: String, description: String)
    /// Something happened in QEMU.
    case event(name: String, data: JSONValue, timestamp: Duration)
    /// An object that is none of these: left out, since the protocol may grow.
    case unknown(JSONValue)

    /// Decodes one line.
    ///
    /// - Parameter line: without its end.
    /// - Throws: `MonitorError` with the code `malformed` for anything but a JSON object.
    public init(decoding line: [UInt8]) throws(MonitorError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: line)
        } catch {
            throw MonitorError(.malformed, "the monitor sent what is no JSON: \(error)")
        }
        guard let object = value.objectValue else {
            throw MonitorError(.malformed, "the monitor sent JSON that is no object")
        }
        if let greeting = object["QMP"] {
            self = .greeting(MonitorGreeting(greeting))
        } else if let name = object["event"]?.stringValue {
            self = .event(name: name, data: object["data"] ?? .null, timestamp: Self.time(object["timestamp"]))
        } else if let error = object["error"] {
            self = .failure(
                id: object["id"], errorClass: error["class"]?.stringValue ?? "GenericError",
                description: error["desc"]?.stringValue ?? "no description")
        } else if let result = object["return"] {
            self = .result(id: object["id"], result)
        } else {
            self = .unknown(value)
        }
    }

    /// Seconds and microseconds since 1970; QEMU says -1 where the host's clock failed.
    private static func time(_ value: JSONValue?) -> Duration {
        guard let seconds = value?["seconds"]?.intValue, let microseconds = value?["microseconds"]?.intValue,
            (0...(1 << 40)).contains(seconds), (0..<1_000_000).contains(microseconds)
        else { return .zero }
        return .seconds(seconds) + .microseconds(microseconds)
    }
}

/// What QEMU says of itself at the start of a session.
public struct MonitorGreeting: Sendable, Hashable {
    /// The version, for people and logs; ask `query-qmp-schema` for features.
    public var version: QemuVersion
    /// What the monitor can do besides the basics: `oob`.
    public var capabilities: [String]

    init(_ value: JSONValue) {
        version = QemuVersion(value["version"] ?? .null)
        capabilities = value["capabilities"]?.arrayValue?.compactMap(\.stringValue) ?? []
    }
}

/// A QEMU version such as 7.2.22.
public struct QemuVersion: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// The first number.
    public var major: Int
    /// The second number.
    public var minor: Int
    /// The third number.
    public var micro: Int

    /// A version.
    public init(major: Int, minor: Int, micro: Int = 0) {
        self.major = major
        self.minor = minor
        self.micro = micro
    }

    /// From the `version` of a greeting, or from the answer to `query-version`; zeros for what is missing.
    public init(_ value: JSONValue) {
        let numbers = value["qemu"]
        let number = { (key: String) in numbers?[key]?.intValue.flatMap { Int(exactly: $0) } ?? 0 }
        self.init(major: number("major"), minor: number("minor"), micro: number("micro"))
    }

    /// Whether one is older.
    public static func < (left: Self, right: Self) -> Bool {
        (left.major, left.minor, left.micro) < (right.major, right.minor, right.micro)
    }

    /// As people write it.
    public var description: String { "\(major).\(minor).\(micro)" }
}
