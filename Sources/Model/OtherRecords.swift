package import JSON

/// A network, as stored under `networks/<name>`.
package struct NetworkRecord: StoredRecord, Hashable {
    package var schema: Int
    /// Its name.
    package var name: Name
    /// Its number, from 1; bridges are named after it.
    package var number: UInt32
    /// Whose it is.
    package var owner: Name
    /// The specification as the user wrote it.
    package var spec: JSONValue
    /// The same with all defaults.
    package var resolved: NetworkSpec
    /// When it was made, RFC 3339, UTC.
    package var created: String

    /// Makes a record.
    package init(name: Name, number: UInt32, owner: Name, spec: JSONValue, resolved: NetworkSpec, created: String) {
        schema = Self.currentSchema
        self.name = name
        self.number = number
        self.owner = owner
        self.spec = spec
        self.resolved = resolved
        self.created = created
    }
}

/// An SSH key that an owner keeps, as stored under `keys/<owner>/<name>`.
package struct KeyRecord: StoredRecord, Hashable {
    package var schema: Int
    /// Whose it is.
    package var owner: Name
    /// Its name.
    package var name: Name
    /// The key's line.
    package var publicKey: String
    /// When it was added, RFC 3339, UTC.
    package var created: String

    /// Makes a record.
    package init(owner: Name, name: Name, publicKey: String, created: String) {
        schema = Self.currentSchema
        self.owner = owner
        self.name = name
        self.publicKey = publicKey
        self.created = created
    }

    /// Checks a key as a user wrote it (`{"publicKey": "ssh-ed25519 ..."}`).
    ///
    /// - Throws: `ProblemError` 422 `key.invalid`.
    package static func parse(_ written: JSONValue, at pointer: String = "/spec") throws(ProblemError) -> SSHPublicKey {
        var reader = FieldReader(written, at: pointer)
        var key: SSHPublicKey?
        if let text = reader.string("publicKey", secret: true) {
            do throws(SSHPublicKey.Defect) {
                key = try SSHPublicKey(text)
            } catch {
                reader.add([error.fieldError(field: "publicKey", pointer: reader.path("publicKey"))])
            }
        } else if reader.errors.isEmpty {
            reader.refuse(
                "publicKey", "missing", "publicKey is missing", fix: "give the key's line, as in ~/.ssh/id_ed25519.pub")
        }
        let errors = reader.finish()
        guard errors.isEmpty, let key else { throw ProblemError.invalid(errors, code: "key.invalid") }
        return key
    }
}

/// A VM's name, as stored under `names/<owner>/<name>`.
package struct NameRecord: StoredRecord, Hashable {
    package var schema: Int
    /// The VM that has the name.
    package var vm: VMID

    /// Makes a record.
    package init(vm: VMID) {
        schema = Self.currentSchema
        self.vm = vm
    }
}

/// A MAC address, as stored under `macs/<mac>`.
package struct MACRecord: StoredRecord, Hashable {
    package var schema: Int
    /// The VM that has it, or had it; nil for a reserved one.
    package var vm: VMID?
    /// The index of its interface.
    package var nic: Int?
    /// The token of the allocation: a retry that finds its own token has succeeded.
    package var token: String
    /// When it was given back, RFC 3339, UTC; it rests before it is used again. Nil while in use.
    package var freed: String?

    /// Makes a record.
    package init(vm: VMID?, nic: Int?, token: String, freed: String? = nil) {
        schema = Self.currentSchema
        self.vm = vm
        self.nic = nic
        self.token = token
        self.freed = freed
    }
}

/// Something deleted, as stored under `tombstones/<kind>/<id>` until nothing of it is left. Only this lets anything be
/// destroyed.
package struct TombstoneRecord: StoredRecord, Hashable {
    package var schema: Int
    /// What it was, for example `vm`.
    package var kind: String
    /// Its identity.
    package var id: String
    /// Its last record, which says what to clean up.
    package var last: JSONValue
    /// When it was deleted, RFC 3339, UTC.
    package var deleted: String

    /// Makes a record.
    package init(kind: String, id: String, last: JSONValue, deleted: String) {
        schema = Self.currentSchema
        self.kind = kind
        self.id = id
        self.last = last
        self.deleted = deleted
    }
}

/// A host index taken, as stored under `hosts/<index>`.
package struct HostRecord: StoredRecord, Hashable {
    package var schema: Int
    /// The node that took it.
    package var node: String

    /// Makes a record.
    package init(node: String) {
        schema = Self.currentSchema
        self.node = node
    }
}
