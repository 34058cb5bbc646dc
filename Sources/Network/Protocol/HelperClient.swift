internal import JSON
package import Model
package import Runtime

/// The daemon's side of the net-helper: asks, waits for the answer, and hands on its events.
///
/// Callable from any task. Each call throws `HelperFailure` with the helper's reason, or `helper.closed` when the helper went
/// away before it answered: whether it had done what was asked is unknown then, and asking again is safe with every call. A
/// cancelled call stops waiting; the helper goes on.
package actor HelperClient {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    /// What the helper tells. Unread events beyond the channel's room are dropped: after a pause, ask `check()`.
    package nonisolated let events: AsyncChannel<HelperEvent>

    private typealias Answer = (body: JSONValue, descriptors: [FileDescriptor])
    private typealias JSONAnswer = Result<Answer, any Error>
    private let link: HelperLink
    private var waiting: [Int64: CheckedContinuation<Answer, any Error>] = [:]
    /// Requests under way: true once their caller was cancelled.
    private var open: [Int64: Bool] = [:]
    /// Answers that came before their caller began to wait.
    private var early: [Int64: JSONAnswer] = [:]
    private var latest: Int64 = 0
    private var end: HelperFailure?

    /// Connects to the socket of a running helper and begins to read.
    ///
    /// - Throws: `SystemError` or `UVError` when nobody listens there.
    package static func connect(path: String, on loop: EventLoop) async throws -> HelperClient {
        serve(try await FDSocket.connect(to: path, on: loop), on: loop)
    }

    /// Takes over a connected socket and begins to read.
    package static func serve(_ socket: FDSocket, on loop: EventLoop) -> HelperClient {
        let client = HelperClient(HelperLink(socket, on: loop), on: loop)
        spawn(on: loop, "net-helper client") { await client.read() }
        return client
    }

    private init(_ link: HelperLink, on loop: EventLoop) {
        self.link = link
        self.loop = loop
        events = AsyncChannel(capacity: 1024)
    }

    /// Ends the connection. The helper keeps everything as it is.
    package func close() {
        link.close()
    }

    private func read() async {
        var reason = "the helper closed it"
        do {
            while let (frame, descriptors) = try await link.receive() { take(frame, descriptors) }
        } catch {
            reason = "\(error)"
        }
        let failure = HelperFailure.closed(reason)
        end = failure
        link.close()
        for continuation in waiting.values { continuation.resume(throwing: failure) }
        waiting = [:]
        _ = events.trySend(.closed)
        events.finish()
    }

    private func take(_ frame: JSONValue, _ descriptors: [FileDescriptor]) {
        if frame["event"] != nil {
            if let event = HelperEvent(frame) { _ = events.trySend(event) }
            return
        }
        guard let id = frame["id"]?.intValue, open[id] == false else { return }
        let result: JSONAnswer
        if let body = frame["ok"] {
            result = .success((body, descriptors))
        } else {
            let failure = try? frame["error"].map { try decode(HelperFailure.self, from: $0) }
            result = .failure(failure ?? HelperFailure(code: "helper.protocol", message: "an answer without content"))
        }
        if let continuation = waiting.removeValue(forKey: id) {
            continuation.resume(with: result)
        } else {
            early[id] = result
        }
    }

    private func call(
        _ operation: String, _ members: [String: JSONValue] = [:], owned: [FileDescriptor] = []
    ) async throws -> (body: JSONValue, descriptors: [FileDescriptor]) {
        if let end { throw end }
        latest += 1
        let id = latest
        var frame = members
        frame["id"] = .int(id)
        frame["op"] = .string(operation)
        open[id] = false
        defer {
            open[id] = nil
            early[id] = nil
        }
        let request = JSONValue.object(frame)
        return try await withTaskCancellationHandler {
            try await link.send(request, owned: owned)
            return try await withCheckedThrowingContinuation { wait(id, $0) }
        } onCancel: {
            spawn(on: loop, "net-helper cancel") { await self.abandon(id) }
        }
    }

    private func wait(_ id: Int64, _ continuation: CheckedContinuation<Answer, any Error>) {
        if let result = early[id] {
            continuation.resume(with: result)
        } else if open[id] == true {
            continuation.resume(throwing: CancellationError())
        } else if let end {
            continuation.resume(throwing: end)
        } else {
            waiting[id] = continuation
        }
    }

    private func abandon(_ id: Int64) {
        guard open[id] != nil else { return }
        open[id] = true
        waiting.removeValue(forKey: id)?.resume(throwing: CancellationError())
    }
}

extension HelperClient {
    /// Who answers. A generation other than the last one means a helper that was started anew: replay with `syncRules`.
    package func hello() async throws -> HelperInfo {
        try decode(HelperInfo.self, from: try await call("hello").body)
    }

    /// Makes a network, or brings it into accord with the plan. The descriptors in the state are the caller's.
    package func ensureNetwork(_ plan: NetworkPlan) async throws -> NetworkState {
        let answer = try await call("ensure-network", ["plan": try encodeToValue(plan)])
        let body = try decode(NetworkAnswer.self, from: answer.body)
        return NetworkState(
            bridgeMAC: body.bridgeMAC, listenerFDs: answer.descriptors.map { $0.release() },
            serviceVeth: body.serviceVeth, serviceAddress: body.serviceAddress, dnsmasqPID: body.dnsmasqPID)
    }

    /// Removes a network without ports; one that is not there is removed already.
    package func removeNetwork(number: UInt32) async throws {
        _ = try await call("remove-network", ["number": .int(Int64(number))])
    }

    /// Gives a helper that was started anew the listening sockets of a network, so that it keeps them for the next daemon. The
    /// descriptors stay the caller's. To be called before `ensureNetwork`, which fills up what is missing.
    package func adoptListeners(number: UInt32, fds: [Int32]) async throws {
        let copies = try fds.map { try FileDescriptor.copy(of: $0) }
        _ = try await call("adopt-listeners", ["number": .int(Int64(number))], owned: copies)
    }

    /// Copies of all listening sockets by their network's number, for the helper that comes next.
    package func handOver() async throws -> [UInt32: [FileDescriptor]] {
        var kept: [UInt32: [FileDescriptor]] = [:]
        for number in try decode([UInt32].self, from: try await call("hand-over").body) {
            kept[number] = try await call("listeners", ["number": .int(Int64(number))]).descriptors
        }
        return kept
    }

    /// Makes a tap in its network, rules first, and gives its descriptor: the caller's to hand to QEMU. The tap is gone when
    /// nobody holds it any more.
    package func createTap(_ plan: GuestPort) async throws -> Int32 {
        let answer = try await call("create-tap", ["plan": try encodeToValue(plan)])
        guard let tap = answer.descriptors.first else {
            throw HelperFailure(code: "helper.protocol", message: "a tap came without its descriptor")
        }
        return tap.release()
    }

    /// Makes an existing interface the port of a guest; it is given back by `removePort`.
    package func attachInterface(_ plan: GuestPort, existing ifname: String) async throws {
        _ = try await call("attach-interface", ["plan": try encodeToValue(plan), "existing": .string(ifname)])
    }

    /// Looks whether an interface could be made a guest's port. Nothing is changed.
    ///
    /// - Throws: `HelperFailure` `interface.not-found`, `interface.unfit`.
    package func checkInterface(_ ifname: String) async throws {
        _ = try await call("check-interface", ["existing": .string(ifname)])
    }

    /// Closes a port and removes its tap, or gives its interface back. One that is not there is removed already.
    package func removePort(ifname: String) async throws {
        _ = try await call("remove-port", ["ifname": .string(ifname)])
    }

    /// Tells a helper all that should be, after a restart of either side: networks are made where they are missing, ports
    /// that aren't listed are closed, nothing is deleted.
    package func syncRules(networks: [NetworkPlan], ports: [GuestPort]) async throws {
        _ = try await call(
            "sync-rules", ["networks": try encodeToValue(networks), "ports": try encodeToValue(ports)])
    }

    /// What was dropped, by port and reason: packets and bytes.
    package func counters() async throws -> [String: [String: [Int64]]] {
        try decode([String: [String: [Int64]]].self, from: try await call("counters").body)
    }

    /// The firewall's tables as nft writes them.
    package func listRules() async throws -> String { try await call("rules").body.stringValue ?? "" }

    /// What is not as it should be, a sentence each; empty when all is well.
    package func check() async throws -> [String] {
        try decode([String].self, from: try await call("check").body)
    }

    /// What stands in the namespace.
    package func inventory() async throws -> Inventory {
        try decode(Inventory.self, from: try await call("inventory").body)
    }

    /// Ends the helper; with `removeAll` it first takes away all it made. The holder is the supervisor's to end.
    package func shutdown(removeAll: Bool) async throws {
        _ = try await call("shutdown", ["remove-all": .bool(removeAll)])
    }
}
