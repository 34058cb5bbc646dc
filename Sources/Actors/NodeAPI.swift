package import JSON
internal import Model
package import Runtime

/// The kinds of resource the control API serves; the raw value is the collection's name in its paths.
package enum ResourceKind: String, Sendable, CaseIterable {
    case vms, networks, keys, macs
}

/// How a write is to be done.
package struct WriteOptions: Sendable {
    /// Validates and answers as the write would, and changes nothing.
    package var dryRun = false
    /// The write must create: it fails with `exists` where the name is taken (`If-None-Match: *`).
    package var createOnly = false
    /// The write must meet this revision of the resource (`If-Match`), or fail with `conflict`.
    package var expectedRevision: Int64?
    /// A key that makes a repeated write answer as the first one did.
    package var idempotencyKey: String?

    package init() {}
}

/// A resource as the API shows it.
package struct Resource: Sendable {
    package var kind: ResourceKind
    /// The whole document: owner, name, revision, spec as written, resolved, status.
    package var document: JSONValue
    /// The revision of the store at which the resource's desired state last changed.
    package var revision: Int64
    /// The store's revision at which it was looked at: a watch goes on from there. Nil in a write's answer, which shows the
    /// resource at its own.
    package var storeRevision: Int64?
    /// Whether the write that answers with this resource made it.
    package var created: Bool

    package init(kind: ResourceKind, document: JSONValue, revision: Int64, created: Bool = false) {
        self.kind = kind
        self.document = document
        self.revision = revision
        self.created = created
    }
}

/// A page of a collection.
package struct ResourceList: Sendable {
    package var items: [Resource]
    /// The store's revision that the page shows.
    package var revision: Int64
    /// Where the next page starts, nil on the last one.
    package var next: String?

    package init(items: [Resource], revision: Int64, next: String?) {
        self.items = items
        self.revision = revision
        self.next = next
    }
}

/// What a watch of a collection tells.
package enum ResourceEvent: Sendable {
    /// The resource was made or changed, in its desired state or its status.
    case put(Resource, revision: Int64)
    /// The resource is gone; the document holds what names it (kind, owner, name, uuid).
    case deleted(JSONValue, revision: Int64)
    /// Everything up to this revision has been told.
    case bookmark(revision: Int64)
}

/// What the control API asks of a node: the one door through which the command line reaches the actors.
///
/// Every function may be called from any task, and throws `ProblemError` for what the caller can mend. `owner` nil
/// means all owners, in lists and watches only.
package protocol NodeAPI: Sendable {
    func list(_ kind: ResourceKind, owner: String?, limit: Int?, after: String?, minimumRevision: Int64?) async throws
        -> ResourceList
    func get(_ kind: ResourceKind, owner: String, name: String, minimumRevision: Int64?) async throws -> Resource
    func get(uuid: String, minimumRevision: Int64?) async throws -> Resource
    /// Creates or replaces by name. Returns when this node's own readers see it: for a VM, when every loop's
    /// directory has the new metadata.
    func put(_ kind: ResourceKind, owner: String, name: String, body: JSONValue, options: WriteOptions) async throws
        -> Resource
    /// Merge patch (RFC 7396) of the resource's `{"spec": ...}` (and `owner`-independent members of it); else as `put`.
    func patch(_ kind: ResourceKind, owner: String, name: String, body: JSONValue, options: WriteOptions) async throws
        -> Resource
    /// Deletes; refuses a running or protected VM and a network in use. Returns when nothing of it is left on this node.
    func delete(_ kind: ResourceKind, owner: String, name: String, options: WriteOptions) async throws -> Resource
    /// An imperative on a VM: `reset`, `restart`, `kill`.
    func act(_ action: String, onVM name: String, owner: String, options: WriteOptions) async throws -> Resource
    /// Follows a collection from after `since` (nil: from now). The channel ends when the watch does; a revision
    /// already compacted throws `revision.compacted` (410).
    func watch(_ kind: ResourceKind, owner: String?, since: Int64?) async throws -> AsyncChannel<ResourceEvent>
    /// The node's events, oldest first: what happened to which resource and why.
    func events(since: Int64?, follow: Bool) async throws -> AsyncChannel<JSONValue>

    /// What the guest of this VM is told, by path of the native dialect, secrets redacted.
    func metadata(owner: String, name: String, secrets: Bool) async throws -> JSONValue
    /// A byte stream to and from the VM's serial console.
    func console(owner: String, name: String) async throws -> Connection
    /// The kept end of the VM's console output.
    func consoleLog(owner: String, name: String) async throws -> [UInt8]

    /// The node, its parts and what is wrong with them.
    func status() async throws -> JSONValue
    /// The rules as the kernel has them, the counters of drops by VM and reason, and what differs from what should be.
    func firewall() async throws -> JSONValue
    /// Which VM has this address, MAC, tap name or process number.
    func who(_ term: String) async throws -> JSONValue
    /// What is on this host that no record explains, and what would be done about it.
    func garbage() async throws -> JSONValue
    /// Stops all VMs (at once where `force`), and removes networks, helper, keeper and holder; the store stays. The
    /// daemon ends after it has answered.
    func down(force: Bool) async throws -> JSONValue
}
