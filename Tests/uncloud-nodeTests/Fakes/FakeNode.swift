import Actors
import JSON
import Model
import Runtime
import TestSupport

/// A node without actors: resources in memory, every write recorded with its options.
final class FakeNode: NodeAPI {
    struct Write: Sendable {
        var call: String
        var body: JSONValue?
        var options: WriteOptions
    }

    private struct State {
        var revision: Int64 = 10
        var resources: [String: Resource] = [:]
        var writes: [Write] = []
        var watchers: [AsyncChannel<ResourceEvent>] = []
        var failure: ProblemError?
        /// What fails alone, as a write's call begins.
        var failingCall: (name: String, problem: ProblemError)?
        var down: Bool?
    }

    private let state = Locked(State())
    /// What a console's other end is: a descriptor of a socket.
    let console: CInt?
    let events: [JSONValue] = [
        [
            "sequence": 1, "time": "2026-11-23T08:00:00Z", "event": "vm.started", "subject": "vm/default/web1",
            "message": "process 4711",
        ],
        [
            "sequence": 2, "time": "2026-11-23T08:01:00Z", "event": "vm.stopped", "subject": "vm/default/web1",
            "message": "the guest powered off",
        ],
    ]

    /// The state that a VM is in after a write.
    let newState: String
    private let watching = AsyncChannel<AsyncChannel<ResourceEvent>>(capacity: 16)

    init(console: CInt? = nil, newState: String = "running") {
        self.console = console
        self.newState = newState
    }

    /// Returns once somebody has begun to watch.
    @discardableResult
    func watched() async throws -> AsyncChannel<ResourceEvent> {
        guard let channel = try await watching.receive() else { throw CancellationError() }
        return channel
    }

    /// Puts a resource there as if it had always been.
    func seed(_ kind: ResourceKind, _ document: JSONValue) {
        let name = document["name"]?.stringValue ?? ""
        let owner = document["owner"]?.stringValue ?? ""
        state.withLock {
            $0.resources["\(kind)/\(owner)/\(name)"] = Resource(
                kind: kind, document: document, revision: document["revision"]?.intValue ?? 0)
        }
    }

    var writes: [Write] { state.withLock { $0.writes } }
    var watcherCount: Int { state.withLock { $0.watchers.count } }
    var wentDown: Bool? { state.withLock { $0.down } }

    /// Everything fails like this from now on.
    func fail(_ problem: ProblemError?) { state.withLock { $0.failure = problem } }

    /// Writes of this name fail like this from now on.
    func fail(_ problem: ProblemError, of call: String) { state.withLock { $0.failingCall = (call, problem) } }

    /// Tells all who watch.
    func tell(_ event: ResourceEvent) {
        let watchers = state.withLock { $0.watchers }
        for watcher in watchers { watcher.trySend(event) }
    }

    func endWatches() {
        let watchers = state.withLock { state in
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher.finish() }
    }

    private func check() throws {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func record(_ call: String, _ body: JSONValue?, _ options: WriteOptions) {
        state.withLock { $0.writes.append(Write(call: call, body: body, options: options)) }
    }

    func list(_ kind: ResourceKind, owner: String?, limit: Int?, after: String?, minimumRevision: Int64?) async throws
        -> ResourceList
    {
        try check()
        let (all, revision) = state.withLock { ($0.resources, $0.revision) }
        let prefix = owner.map { "\(kind)/\($0)/" } ?? "\(kind)/"
        let keys = all.keys.filter { $0.hasPrefix(prefix) && $0 > after ?? "" }.sorted()
        let page = keys.prefix(limit ?? 1000)
        return ResourceList(
            items: page.compactMap { all[$0] }, revision: revision, next: page.count < keys.count ? page.last : nil)
    }

    func get(_ kind: ResourceKind, owner: String, name: String, minimumRevision: Int64?) async throws -> Resource {
        try check()
        guard let found = state.withLock({ $0.resources["\(kind)/\(owner)/\(name)"] }) else {
            throw ProblemError.notFound(String(kind.rawValue.dropLast()), name)
        }
        return found
    }

    func get(uuid: String, minimumRevision: Int64?) async throws -> Resource {
        let found = state.withLock { $0.resources.values.first { $0.document["uuid"]?.stringValue == uuid } }
        guard let found else { throw ProblemError.notFound("vm", uuid) }
        return found
    }

    func put(_ kind: ResourceKind, owner: String, name: String, body: JSONValue, options: WriteOptions) async throws
        -> Resource
    {
        record("put \(kind)/\(owner)/\(name)", body, options)
        try check()
        let key = "\(kind)/\(owner)/\(name)"
        return try state.withLock { state in
            let old = state.resources[key]
            if options.createOnly, old != nil { throw ProblemError.exists(String(kind.rawValue.dropLast()), name) }
            if let expected = options.expectedRevision, expected != old?.revision {
                throw ProblemError(
                    status: 412, code: "revision.conflict", detail: "revision \(old?.revision ?? 0) is there")
            }
            state.revision += 1
            let spec = body["spec"] ?? [:]
            let document =
                switch kind {
                case .vms: SampleDocuments.vm(name, owner: owner, revision: state.revision, state: newState, spec: spec)
                case .networks: SampleDocuments.network(name, owner: owner, revision: state.revision)
                default: SampleDocuments.key(name, owner: owner, revision: state.revision)
                }
            let resource = Resource(kind: kind, document: document, revision: state.revision, created: old == nil)
            if !options.dryRun { state.resources[key] = resource }
            return resource
        }
    }

    func patch(_ kind: ResourceKind, owner: String, name: String, body: JSONValue, options: WriteOptions) async throws
        -> Resource
    {
        record("patch \(kind)/\(owner)/\(name)", body, options)
        return try await get(kind, owner: owner, name: name, minimumRevision: nil)
    }

    func delete(_ kind: ResourceKind, owner: String, name: String, options: WriteOptions) async throws -> Resource {
        record("delete \(kind)/\(owner)/\(name)", nil, options)
        if let failing = state.withLock({ $0.failingCall }), failing.name == "delete" { throw failing.problem }
        let resource = try await get(kind, owner: owner, name: name, minimumRevision: nil)
        if !options.dryRun { state.withLock { $0.resources["\(kind)/\(owner)/\(name)"] = nil } }
        return resource
    }

    func act(_ action: String, onVM name: String, owner: String, options: WriteOptions) async throws -> Resource {
        record("\(action) vms/\(owner)/\(name)", nil, options)
        return try await get(.vms, owner: owner, name: name, minimumRevision: nil)
    }

    func watch(_ kind: ResourceKind, owner: String?, since: Int64?) async throws -> AsyncChannel<ResourceEvent> {
        try check()
        let channel = AsyncChannel<ResourceEvent>(capacity: 64)
        channel.trySend(.bookmark(revision: since ?? 10))
        state.withLock { $0.watchers.append(channel) }
        watching.trySend(channel)
        return channel
    }

    func events(since: Int64?, follow: Bool) async throws -> AsyncChannel<JSONValue> {
        let channel = AsyncChannel<JSONValue>(capacity: 8)
        for event in events where (event["sequence"]?.intValue ?? 0) > since ?? 0 { channel.trySend(event) }
        channel.finish()
        return channel
    }

    func metadata(owner: String, name: String, secrets: Bool) async throws -> JSONValue {
        _ = try await get(.vms, owner: owner, name: name, minimumRevision: nil)
        return ["/name": .string(name), "/user-data": .string(secrets ? "hello world!" : "(redacted)")]
    }

    func console(owner: String, name: String) async throws -> Connection {
        guard let console else { throw ProblemError.conflict("vm.off", "vm \"\(name)\" has no process") }
        return Connection(adopting: console, on: TestLoops.loop)
    }

    func consoleLog(owner: String, name: String) async throws -> [UInt8] { Array("booting\r\n".utf8) }

    func status() async throws -> JSONValue {
        try check()
        return ["node": "n1", "version": "0.1.0", "revision": 10, "ok": true, "problems": []]
    }

    func firewall() async throws -> JSONValue { ["rules": "table ...", "drops": [], "problems": []] }
    func who(_ term: String) async throws -> JSONValue { ["kind": "vm", "name": "web1", "term": .string(term)] }
    func garbage() async throws -> JSONValue {
        [
            "items": [["kind": "port", "name": "stray0", "reason": "no VM has this port", "action": "none"]],
            "count": 1,
        ]
    }

    func down(force: Bool) async throws -> JSONValue {
        state.withLock { $0.down = force }
        return ["stopped": 0]
    }
}
