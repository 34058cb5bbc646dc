import Foundation
import Store
import TestKit
import TestSupport
import Testing

/// The backends that the conformance suite runs over.
enum Backend: String, CaseIterable, CustomTestStringConvertible {
    case memory
    case sqlite
    case etcd

    /// Those whose leases run by a clock that tests move; etcd's run by its own.
    static let manualTime: [Backend] = [.memory, .sqlite]

    var testDescription: String { rawValue }

    /// Runs the body with an empty store, and closes it.
    func run(_ body: (any Store, ManualStoreClock) async throws -> Void) async throws {
        let clock = ManualStoreClock()
        switch self {
        case .memory:
            let store = MemoryStore(clock: clock)
            try await body(store, clock)
            await store.close()
        case .sqlite:
            try await withDirectory { directory in
                let store = try await SQLiteStore.open(.init(path: directory + "/store.sqlite"), clock: clock)
                // A test that fails must close the store as well: its file goes with the directory.
                let result: Result<Void, any Error>
                do { result = .success(try await body(store, clock)) } catch { result = .failure(error) }
                await store.close()
                try result.get()
            }
        case .etcd:
            guard try Requirement.need("etcd") else { return }
            try await withEtcd { server in
                try await withEtcdStore(EtcdConfiguration(endpoints: [server.endpoint])) { try await body($0, clock) }
            }
        }
    }
}

/// Runs the body with a new etcd, and ends it.
@discardableResult
func withEtcd<T>(_ flags: [String] = [], _ body: (EtcdServer) async throws -> T) async throws -> T {
    let server = try await EtcdServer.start(flags)
    let result: Result<T, any Error>
    do { result = .success(try await body(server)) } catch { result = .failure(error) }
    await server.stop()
    return try result.get()
}

/// Runs the body with a store in etcd, and closes it.
@discardableResult
func withEtcdStore<T>(_ configuration: EtcdConfiguration, _ body: (EtcdStore) async throws -> T) async throws -> T {
    let store = try await EtcdStore.open(configuration, on: TestLoops.loop)
    let result: Result<T, any Error>
    do { result = .success(try await body(store)) } catch { result = .failure(error) }
    await store.close()
    return try result.get()
}

/// Runs the body with a new empty directory, and removes it.
func withDirectory<T>(_ body: (String) async throws -> T) async throws -> T {
    let url = FileManager.default.temporaryDirectory.appending(path: "store-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try await body(url.path)
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

extension Store {
    /// Puts one value and gives the revision.
    @discardableResult
    func put(_ key: String, _ value: String, lease: LeaseID? = nil) async throws -> Int64 {
        try await transaction(Transaction(then: [.put(key, bytes(value), lease: lease)])).revision
    }

    /// Runs operations without conditions.
    @discardableResult
    func apply(_ ops: [Op], otherwise: [Op] = []) async throws -> TransactionResult {
        try await transaction(Transaction(then: ops, otherwise: otherwise))
    }

    @discardableResult
    func delete(_ key: String) async throws -> Int64 {
        try await transaction(Transaction(then: [.delete(key)])).revision
    }

    /// The value of a key as text.
    func text(_ key: String) async throws -> String? {
        try await get(key).entry.map { String(decoding: $0.value, as: UTF8.self) }
    }

    var revision: Int64 { get async throws { try await get("/none").revision } }
}

extension WatchStream {
    /// The next so many batches.
    func first(_ count: Int) async throws -> [WatchBatch] {
        var batches: [WatchBatch] = []
        for try await batch in self {
            batches.append(batch)
            if batches.count == count { break }
        }
        return batches
    }
}

/// Expects a `StoreError` with the code.
func expect<T>(
    _ code: StoreError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> T
) async {
    do {
        _ = try await body()
        Issue.record("no error; expected \(code)", sourceLocation: sourceLocation)
    } catch let error as StoreError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
    } catch {
        Issue.record("another error than \(code): \(error)", sourceLocation: sourceLocation)
    }
}
