internal import Runtime
internal import SwiftProtobuf

extension EtcdClient {
    /// The longest answer of a watch: etcd cuts them at its own limit of a request, and never within an event.
    private static let maxWatchMessage = 16 << 20

    /// Where a watch begins, once it is clear that its changes are still kept.
    ///
    /// - Parameters:
    ///   - prefix: whose changes.
    ///   - revision: the first one wanted; 0 for the next change.
    /// - Returns: the first one wanted.
    /// - Throws: `StoreError`: `compacted`, ...; `CancellationError`.
    func beginWatch(_ prefix: String, from revision: Int64) async throws -> Int64 {
        guard revision > 0 else { return try await self.revision() + 1 }
        // etcd keeps changes from the compacted revision on, but of that one not all: what is wanted must be beyond it.
        do {
            let probe = EtcdRangeRequest.probe(revision: max(revision - 1, 1))
            _ = try await call(EtcdMethods.range, probe, .linearizableRead)
        } catch let error as StoreError where error.code == .invalid {
            // A revision of the future.
        } catch let error as StoreError where error.code == .compacted {
            // A watch is told how far; a range is not.
            _ = try await page(WatchReader(prefix: prefix, on: loop), from: revision)
            throw error
        }
        return revision
    }

    /// The next changes from a revision on; waits for them, over any break of connections.
    ///
    /// - Parameters:
    ///   - reader: whose they are; one page at a time.
    ///   - cursor: the first revision wanted.
    /// - Returns: at least one revision.
    /// - Throws: `StoreError`: `compacted`, `unavailable` after `watchPatience` without etcd, `closed`, `foreign`, ...;
    ///   `CancellationError`. Another page may be asked for afterwards.
    func page(_ reader: WatchReader, from cursor: Int64) async throws -> WatchStream.Page {
        do {
            return try await nextPage(reader, from: cursor)
        } catch {
            reader.drop()
            throw isClosed ? StoreError.closed : error
        }
    }

    private func nextPage(_ reader: WatchReader, from cursor: Int64) async throws -> WatchStream.Page {
        var outage = Outage(patience: configuration.watchPatience)
        while true {
            try Task.checkCancellation()
            if isClosed { throw StoreError.closed }
            do {
                return try await pageOfCall(reader, from: cursor)
            } catch let failure as GRPCFailure {
                try await recover(reader, from: failure, &outage)
            } catch let error as StoreError where error.code == .unavailable {
                reader.drop()
                if outage.isOver(at: loop.now) { throw error }
            }
        }
    }

    /// The next page, by the reader's call or by a new one; what ends the call is thrown.
    private func pageOfCall(_ reader: WatchReader, from cursor: Int64) async throws -> WatchStream.Page {
        if reader.call == nil || reader.assembly.next != cursor { try await open(reader, from: cursor) }
        guard let call = reader.call, let link = reader.link else { throw GRPCFailure.lost("no call") }
        register(call)
        defer { unregister(call) }
        while let bytes = try await call.next() {
            let answer: EtcdWatchResponse
            do {
                answer = try EtcdWatchResponse(serializedBytes: bytes)
            } catch {
                throw GRPCFailure.malformed("\(error)")
            }
            try check(answer.header, floor: nil, on: link)
            // First of all, since etcd says of a watch that it does not make that it made it, too.
            if answer.canceled { throw try cancellation(answer) }
            if answer.created {
                reader.created()
                pool.succeeded(link.endpoint)
            }
            let events = answer.events.map { WatchEvent($0) }
            guard let batches = reader.assembly.take(events, isFragment: answer.fragment) else {
                throw GRPCFailure.malformed("the events of a watch run backwards")
            }
            if !batches.isEmpty { return WatchStream.Page(batches: batches, next: reader.assembly.next) }
        }
        throw GRPCFailure.lost("etcd ended the watch")
    }

    private func open(_ reader: WatchReader, from cursor: Int64) async throws {
        let wasOpen = reader.wasOpen
        reader.drop()
        // After a break: a watch of a store that was restored would be silent for ever, a read tells.
        if wasOpen { _ = try await revision() }
        let deadline = loop.now + configuration.callTimeout
        let link = try await connected(until: deadline, heedsCancellation: true)
        if let refusal = link.refusal { throw refusal }
        let token = try await validToken(on: link, until: deadline)
        var request = EtcdWatchRequest()
        (request.create.key, request.create.rangeEnd) = EtcdRangeRequest.bounds(ofPrefix: reader.prefix)
        // One earlier than wanted, for which etcd says "compacted" exactly when something wanted is gone.
        request.create.startRevision = max(cursor - 1, 1)
        request.create.fragment = true
        let frame = try GRPCMethod<EtcdWatchRequest, EtcdWatchResponse>.frame(request)
        let call = try GRPCCall(
            EtcdMethods.watch.path, link.metadata(token: token, timeout: nil), frame: frame, ends: false,
            on: link.connection, maxMessage: Self.maxWatchMessage)
        reader.opened(call, on: link, token, from: cursor, patience: configuration.callTimeout)
    }

    /// Why etcd ended a watch.
    private func cancellation(_ answer: EtcdWatchResponse) throws -> GRPCFailure {
        if answer.compactRevision > 0 { throw StoreError.compacted(at: answer.compactRevision) }
        // The one reason that etcd gives for a token it does not know, and for a user who may not.
        if answer.cancelReason.hasSuffix("permission denied") {
            return .status(GRPCStatus(code: .permissionDenied, message: answer.cancelReason))
        }
        return .lost(answer.cancelReason.isEmpty ? "etcd cancelled the watch" : answer.cancelReason)
    }

    /// Returns when the watch is to be opened again.
    private func recover(_ reader: WatchReader, from failure: GRPCFailure, _ outage: inout Outage) async throws {
        if reader.isCreated { outage = Outage(patience: configuration.watchPatience) }
        let (link, token) = (reader.link, reader.token)
        reader.drop()
        if failure == .cancelled { throw isClosed ? StoreError.closed : CancellationError() }
        let name = link?.endpoint.description ?? "?"
        let isDenied = if case .status(let status) = failure { status.code == .permissionDenied } else { false }
        var verdict = EtcdFailure.judge(failure, .read, endpoint: name, hasLogin: configuration.login != nil)
        if isDenied, configuration.login != nil { verdict = .authenticate(EtcdFailure.unauthenticated("\(failure)")) }
        switch verdict {
        case .fail(let error): throw error
        case .authenticate(let error):
            outage.logins += 1
            if outage.logins > 2 { throw error }
            forget(token)
        case .retry(let error):
            if outage.isOver(at: loop.now) { throw error }
            guard let link else { return await pause() }
            await leave(link, after: failure)
        }
    }

    /// How long a watch has been without etcd.
    private struct Outage {
        let patience: Duration
        var began: Duration?
        var logins = 0

        init(patience: Duration) { self.patience = patience }

        /// Whether it is over, counted from the first time this is asked.
        mutating func isOver(at now: Duration) -> Bool {
            let since = began ?? now
            began = since
            return now - since >= patience
        }
    }
}
