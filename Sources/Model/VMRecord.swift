package import JSON

/// An interface of a VM as the node made it.
package struct NICRecord: Sendable, Hashable, Codable {
    /// Its MAC address, alone in the cluster.
    package var mac: MACAddress
    /// The number that marks its packets, 1...0xfffff, alone on the host.
    package var number: UInt32
    /// The tap's name, or that of the existing interface.
    package var tap: String
    /// The name of its network.
    package var network: String

    /// The numbers allowed.
    package static let numbers: ClosedRange<UInt32> = 1...0xf_ffff

    /// Makes a record; without a tap name it is `v` and the MAC's twelve digits.
    package init(mac: MACAddress, number: UInt32, tap: String? = nil, network: String) {
        self.mac = mac
        self.number = number
        self.tap = tap ?? "v" + mac.hex
        self.network = network
    }
}

/// The desired state of a VM, as stored under `vms/<uuid>`.
///
/// User-data, vendor-data and network-config may be large. They are stored once, inside `spec`; the stored form of
/// `resolved` leaves them out and decoding puts them back.
package struct VMRecord: StoredRecord, Hashable {
    package var schema: Int
    /// Its identity.
    package var uuid: VMID
    /// Whose it is.
    package var owner: Name
    /// Its name, one of the owner's.
    package var name: Name
    /// The specification as the user wrote it.
    package var spec: JSONValue
    /// The same with all defaults.
    package var resolved: VMSpec
    /// Its interfaces, in the order of the specification.
    package var nics: [NICRecord]
    /// Where it has no interface, a number as theirs: it too makes a user of its own for the process.
    package var number: UInt32?
    /// When it was made, RFC 3339, UTC.
    package var created: String
    /// Counts the changes of the specification, from 1.
    package var generation: Int
    /// The generation that last stated the power: a later one asks a VM anew that had ended by itself.
    package var powerGeneration: Int

    /// The numbers on this host that are the VM's alone.
    package var numbers: [UInt32] { nics.map(\.number) + (number.map { [$0] } ?? []) }

    /// Makes a record.
    package init(
        uuid: VMID, owner: Name, name: Name, spec: JSONValue, resolved: VMSpec, nics: [NICRecord] = [], created: String,
        generation: Int = 1, powerGeneration: Int = 1
    ) {
        schema = Self.currentSchema
        self.uuid = uuid
        self.owner = owner
        self.name = name
        self.spec = spec
        self.resolved = resolved
        self.nics = nics
        self.created = created
        self.generation = generation
        self.powerGeneration = powerGeneration
    }

    private enum CodingKeys: String, CodingKey {
        case schema, uuid, owner, name, spec, resolved, nics, number, created, generation, powerGeneration
    }

    /// Decodes the stored form.
    ///
    /// - Throws: `DecodingError` for another shape.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        schema = try container.decode(Int.self, forKey: .schema)
        uuid = try container.decode(VMID.self, forKey: .uuid)
        owner = try container.decode(Name.self, forKey: .owner)
        name = try container.decode(Name.self, forKey: .name)
        spec = try container.decode(JSONValue.self, forKey: .spec)
        resolved = try container.decode(VMSpec.self, forKey: .resolved)
        nics = try container.decode([NICRecord].self, forKey: .nics)
        number = try container.decodeIfPresent(UInt32.self, forKey: .number)
        created = try container.decode(String.self, forKey: .created)
        generation = try container.decode(Int.self, forKey: .generation)
        powerGeneration = try container.decode(Int.self, forKey: .powerGeneration)
        resolved.userData = spec["userData"]?.stringValue
        resolved.vendorData = spec["vendorData"]?.stringValue
        resolved.networkConfig = spec["networkConfig"]?.stringValue
    }

    /// Encodes the stored form.
    ///
    /// - Throws: what the encoder throws.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        var resolved = resolved
        resolved.userData = nil
        resolved.vendorData = nil
        resolved.networkConfig = nil
        try container.encode(schema, forKey: .schema)
        try container.encode(uuid, forKey: .uuid)
        try container.encode(owner, forKey: .owner)
        try container.encode(name, forKey: .name)
        try container.encode(spec, forKey: .spec)
        try container.encode(resolved, forKey: .resolved)
        try container.encode(nics, forKey: .nics)
        try container.encodeIfPresent(number, forKey: .number)
        try container.encode(created, forKey: .created)
        try container.encode(generation, forKey: .generation)
        try container.encode(powerGeneration, forKey: .powerGeneration)
    }
}
