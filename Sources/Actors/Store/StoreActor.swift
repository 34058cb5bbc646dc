package import Logging
internal import Model
package import Runtime
package import Store

/// The node's one door to the store: commits transactions, keeps the catalog, and feeds changes to the other actors.
///
/// Runs on its loop; the store's own thread does the blocking work.
package actor StoreActor {
    private static let feedCapacity = 256
    private static let pageSize = 500
    private static let pauseBeforeRetry = Duration.seconds(1)

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    package nonisolated let store: any Store
    package private(set) var catalog = Catalog()
    private let seen: SeenRevision?
    private let logger: Logger
    private var feeds: [AsyncChannel<CatalogChange>] = []
    private var waiters: [(revision: Int64, continuation: CheckedContinuation<Void, Never>)] = []
    private var pump: Task<Void, any Error>?
    /// Whether changes behind the catalog are no longer kept, so that everything has to be read again.
    private var hasFallenBehind = false

    /// `seen` is told of every revision that the store has acknowledged.
    package init(
        store: any Store, seen: SeenRevision? = nil, loop: EventLoop, logger: Logger = Logger(label: "store")
    ) {
        self.logger = logger
        self.store = store
        self.seen = seen
        self.loop = loop
    }

    /// Reads everything and follows from there. Call once, before anything else.
    package func start() async throws {
        let (entries, revision) = try await readAll()
        _ = catalog.apply(entries.map { .put($0) }, revision: revision)
        seen?.note(catalog.revision)
        let stream = try await watchOn()
        pump = spawn(on: loop, "store.watch") { [weak self] in await self?.follow(stream) }
    }

    /// Everything, and the revision behind which to follow: some of it may be newer.
    private func readAll() async throws -> (entries: [Entry], revision: Int64) {
        var entries: [Entry] = []
        var revision: Int64?
        var more = true
        while more {
            let page = try await store.range(KeyPath.root, after: entries.last?.key, limit: Self.pageSize)
            revision = revision ?? page.revision
            entries += page.entries
            more = page.more
        }
        return (entries, revision ?? 0)
    }

    /// Reads everything again and takes the difference as one batch of changes.
    private func catchUpByReading() async throws {
        let (entries, revision) = try await readAll()
        let newer = entries.filter { $0.modRevision > catalog.revision }
        let gone = catalog.storedKeys.subtracting(entries.map(\.key)).sorted()
        logger.warning(
            "changes that were not followed in time are no longer kept; everything was read again",
            metadata: ["changed": "\(newer.count)", "gone": "\(gone.count)"])
        let events = newer.map { WatchEvent.put($0) } + gone.map { WatchEvent.delete($0, modRevision: revision) }
        try await take(WatchBatch(revision: revision, events: events))
        hasFallenBehind = false
    }

    /// Takes the changes until `stop`. A watch that ends by an error is begun anew behind the last change that was taken:
    /// none is missed, and none comes twice. Where they are no longer kept, the difference is found by reading everything.
    private func follow(_ first: WatchStream) async {
        var stream: WatchStream? = first
        var told = ""
        while !Task.isCancelled {
            do {
                let current = if let stream { stream } else { try await watchOn() }
                stream = nil
                for try await batch in current {
                    told = ""
                    try await take(batch)
                }
            } catch {
                let code = (error as? StoreError)?.code
                if Task.isCancelled || code == .closed { return }
                if code == .compacted, !hasFallenBehind {
                    hasFallenBehind = true
                    continue
                }
                let why = "\(error)"
                if why != told { logger.error("the store's changes can't be followed, trying again: \(why)") }
                told = why
                guard (try? await loop.sleep(for: Self.pauseBeforeRetry)) != nil else { return }
            }
        }
    }

    private func watchOn() async throws -> WatchStream {
        if hasFallenBehind { try await catchUpByReading() }
        return try await store.watch(prefix: KeyPath.root, from: catalog.revision + 1)
    }

    /// Commits a transaction, and finds out what became of it where the store can't tell: see `Store.settle`.
    ///
    /// - Parameters:
    ///   - transaction: with a first write that no other transaction makes.
    ///   - label: what it is for, as kill points are named.
    /// - Returns: what it did.
    /// - Throws: `StoreError`; with the code `unknownOutcome` when it could not be found out in two seconds.
    package func commit(_ transaction: Transaction, _ label: String) async throws -> TransactionResult {
        let (store, loop) = (store, loop)
        return try await CrashPoint.around("store \(label)") { try await store.settle(transaction, on: loop) }
    }

    /// Returns when the catalog shows the store as of `revision`.
    package func caughtUp(to revision: Int64) async {
        guard catalog.revision < revision else { return }
        await withCheckedContinuation { continuation in
            // Asked again: the way here may have been a suspension, in which the batch that is waited for came.
            if catalog.revision >= revision { return continuation.resume() }
            waiters.append((revision, continuation))
        }
    }

    /// The catalog as it is, and every change after it. Whoever follows must not wait for `caughtUp` in its loop.
    package func subscribe() -> (catalog: Catalog, changes: AsyncChannel<CatalogChange>) {
        let feed = AsyncChannel<CatalogChange>(capacity: Self.feedCapacity)
        feeds.append(feed)
        return (catalog, feed)
    }

    /// Ends the feeds; the store itself is closed by who opened it.
    package func stop() {
        pump?.cancel()
        for feed in feeds { feed.finish() }
        feeds = []
        for waiter in waiters { waiter.continuation.resume() }
        waiters = []
    }

    private func take(_ batch: WatchBatch) async throws {
        let changes = catalog.apply(batch.events, revision: batch.revision)
        seen?.note(catalog.revision)
        // A follower that is slow holds up the pump, not the store: the watch is a cursor over its log.
        for change in changes { for feed in feeds { try await feed.send(change) } }
        let reached = waiters.filter { $0.revision <= catalog.revision }
        waiters.removeAll { $0.revision <= catalog.revision }
        for waiter in reached { waiter.continuation.resume() }
    }
}
