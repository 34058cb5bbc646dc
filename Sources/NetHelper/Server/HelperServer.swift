internal import CLinux
internal import Glibc
internal import JSON
internal import Logging
internal import Network
internal import Runtime

/// The helper's socket: takes connections of its own user, answers requests one after the other, and tells everybody events.
actor HelperServer {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private struct Job: Sendable {
        var frame: JSONValue
        var descriptors: [FileDescriptor]
        var link: HelperLink
    }

    private let core: HelperCore
    private let operations: HelperOperations
    private let events: AsyncChannel<HelperEvent>
    private let jobs = AsyncChannel<Job>(capacity: 256)
    private let logger = Logger(label: "net-helper")
    private var links: [Int: HelperLink] = [:]
    private var latest = 0
    /// Called when the helper has been asked to end, and has answered.
    private let onEnd: @Sendable () -> Void

    init(
        _ core: HelperCore, events: AsyncChannel<HelperEvent>, on loop: EventLoop, onEnd: @escaping @Sendable () -> Void
    ) {
        self.core = core
        self.loop = loop
        self.events = events
        self.onEnd = onEnd
        operations = HelperOperations(core: core)
    }

    /// Serves connections until the listener is closed.
    func serve(_ listener: FDListener) {
        spawn(on: loop, "net-helper requests") { await self.work() }
        spawn(on: loop, "net-helper events") { await self.broadcast() }
        spawn(on: loop, "net-helper accept") {
            while true {
                let socket = try await listener.accept()
                await self.welcome(socket)
            }
        }
    }

    private func welcome(_ socket: FDSocket) {
        // Inside a user namespace the daemon's user is seen as the helper's own, root.
        guard let peer = socket.peer, peer.uid == geteuid() else {
            logger.warning("connection of another user refused")
            socket.close()
            return
        }
        latest += 1
        let id = latest
        let link = HelperLink(socket, on: loop)
        links[id] = link
        spawn(on: loop, "net-helper session") { await self.read(link, id) }
    }

    private func read(_ link: HelperLink, _ id: Int) async {
        do {
            while let (frame, descriptors) = try await link.receive() {
                try await jobs.send(Job(frame: frame, descriptors: descriptors, link: link))
            }
        } catch {
            logger.warning("connection ended", metadata: ["reason": "\(error)"])
        }
        links[id] = nil
        link.close()
    }

    /// One request at a time: their effects on the kernel have an order.
    private func work() async {
        do {
            while let job = try await jobs.receive() {
                if job.frame["op"]?.stringValue == "shutdown" {
                    await end(job)
                } else {
                    await answer(job)
                }
            }
        } catch {
            logger.error("requests ended", metadata: ["reason": "\(error)"])
        }
    }

    private func answer(_ job: Job) async {
        let id = job.frame["id"] ?? .null
        do {
            let answer = try await operations.perform(job.frame, job.descriptors)
            try? await job.link.send(["id": id, "ok": answer.body], descriptors: answer.kept, owned: answer.given)
        } catch {
            let failure = HelperOperations.failure(error)
            logger.warning(
                "request failed",
                metadata: [
                    "op": "\(job.frame["op"]?.stringValue ?? "")", "code": "\(failure.code)", "reason": "\(failure)",
                ])
            let body = (try? encodeToValue(failure)) ?? [:]
            try? await job.link.send(["id": id, "error": body])
        }
    }

    private func end(_ job: Job) async {
        let id = job.frame["id"] ?? .null
        do {
            if job.frame["remove-all"]?.boolValue == true { try await core.removeEverything() }
        } catch {
            let body = (try? encodeToValue(HelperOperations.failure(error))) ?? [:]
            try? await job.link.send(["id": id, "error": body])
            return
        }
        await core.leave()
        try? await job.link.send(["id": id, "ok": [:]])
        await job.link.finish()
        onEnd()
    }

    private func broadcast() async {
        do {
            while let event = try await events.receive() {
                for link in links.values where !link.offer(event.json) {
                    logger.warning("event dropped: a connection doesn't read")
                }
            }
        } catch {
            logger.error("events ended", metadata: ["reason": "\(error)"])
        }
    }
}
