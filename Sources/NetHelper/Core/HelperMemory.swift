package import JSON
package import Model
package import Network

/// What a helper must know of the one before it: the networks and ports as they were asked for, where attached interfaces came
/// from, and the generation of the rules that it made for them.
package struct HelperMemory: Equatable {
    /// Where an attached interface belongs when its port is removed.
    package struct Origin: Codable, Equatable {
        /// Its name there.
        package var name: String
        /// In the host's namespace, or in the helper's own.
        package var isHosts: Bool
        package var wasUp: Bool
        /// Its disable_ipv6 before.
        package var disabledIPv6: String

        package init(name: String, isHosts: Bool, wasUp: Bool, disabledIPv6: String) {
            self.name = name
            self.isHosts = isHosts
            self.wasUp = wasUp
            self.disabledIPv6 = disabledIPv6
        }
    }

    package struct Port: Codable, Equatable {
        package var plan: GuestPort
        /// Nil for a tap.
        package var origin: Origin?

        package init(plan: GuestPort, origin: Origin?) {
            self.plan = plan
            self.origin = origin
        }
    }

    /// The inode of the namespace that all of this is in.
    package var namespace: UInt64
    package var generation: UInt32?
    package var networks: [UInt32: NetworkPlan] = [:]
    package var ports: [String: Port] = [:]

    package init(namespace: UInt64) { self.namespace = namespace }

    /// One step, and one line of the journal.
    package enum Step: Equatable {
        case begin(namespace: UInt64)
        case network(NetworkPlan)
        case noNetwork(UInt32)
        case port(Port)
        case noPort(String)
        case generation(UInt32)
    }

    package mutating func apply(_ step: Step) {
        switch step {
        case .begin(let namespace): self = HelperMemory(namespace: namespace)
        case .network(let plan): networks[plan.number] = plan
        case .noNetwork(let number): networks[number] = nil
        case .port(let port): ports[port.plan.ifname] = port
        case .noPort(let ifname): ports[ifname] = nil
        case .generation(let value): generation = value
        }
    }

    /// The steps that make this memory of nothing.
    package var steps: [Step] {
        [.begin(namespace: namespace)] + networks.values.sorted { $0.number < $1.number }.map(Step.network)
            + ports.values.sorted { $0.plan.ifname < $1.plan.ifname }.map(Step.port)
            + (generation.map { [.generation($0)] } ?? [])
    }
}

extension HelperMemory.Step {
    /// The line without its end.
    package func line() throws(JSONError) -> [UInt8] {
        let value: JSONValue =
            switch self {
            case .begin(let namespace): ["begin": .string(String(namespace))]
            case .network(let plan): ["network": try encodeToValue(plan)]
            case .noNetwork(let number): ["no-network": .int(Int64(number))]
            case .port(let port): ["port": try encodeToValue(port)]
            case .noPort(let ifname): ["no-port": .string(ifname)]
            case .generation(let value): ["generation": .int(Int64(value))]
            }
        return value.encoded()
    }

    /// Reads a line; nil for one that was cut off or is of another version.
    package init?(line: [UInt8]) {
        guard let value = try? JSONValue(parsing: line) else { return nil }
        if let text = value["begin"]?.stringValue, let namespace = UInt64(text) {
            self = .begin(namespace: namespace)
        } else if let plan = value["network"] {
            guard let plan = try? decode(NetworkPlan.self, from: plan) else { return nil }
            self = .network(plan)
        } else if let number = value["no-network"]?.intValue {
            self = .noNetwork(UInt32(clamping: number))
        } else if let port = value["port"] {
            guard let port = try? decode(HelperMemory.Port.self, from: port) else { return nil }
            self = .port(port)
        } else if let ifname = value["no-port"]?.stringValue {
            self = .noPort(ifname)
        } else if let generation = value["generation"]?.intValue {
            self = .generation(UInt32(clamping: generation))
        } else {
            return nil
        }
    }
}
