/// A key with its value.
package struct Entry: Sendable, Hashable {
    /// The key.
    package var key: String
    /// The value.
    package var value: [UInt8]
    /// The revision that made the key, since it was last absent.
    package var createRevision: Int64
    /// The revision that wrote this value.
    package var modRevision: Int64
    /// Counts the writes since `createRevision`, from 1.
    package var version: Int64
    /// The lease it hangs on.
    package var lease: LeaseID?

    /// Makes an entry.
    package init(
        key: String, value: [UInt8], createRevision: Int64, modRevision: Int64, version: Int64, lease: LeaseID? = nil
    ) {
        self.key = key
        self.value = value
        self.createRevision = createRevision
        self.modRevision = modRevision
        self.version = version
        self.lease = lease
    }
}

/// Entries of one revision.
package struct RangeResult: Sendable, Hashable {
    /// The store's revision when they were read.
    package var revision: Int64
    /// In byte order of the keys.
    package var entries: [Entry]
    /// Whether the limit cut some off.
    package var more: Bool

    /// Makes a result.
    package init(revision: Int64, entries: [Entry], more: Bool) {
        self.revision = revision
        self.entries = entries
        self.more = more
    }
}

/// A change of one key.
package enum WatchEvent: Sendable, Hashable {
    /// The key has a new value.
    case put(Entry)
    /// The key is gone.
    case delete(String, modRevision: Int64)

    /// The key.
    package var key: String {
        switch self {
        case .put(let entry): entry.key
        case .delete(let key, _): key
        }
    }

    /// The revision of the change.
    package var modRevision: Int64 {
        switch self {
        case .put(let entry): entry.modRevision
        case .delete(_, let revision): revision
        }
    }
}

/// All changes of one revision that a watch is about, in the order they were made.
package struct WatchBatch: Sendable, Hashable {
    /// The revision.
    package var revision: Int64
    /// At least one.
    package var events: [WatchEvent]

    /// Makes a batch.
    package init(revision: Int64, events: [WatchEvent]) {
        self.revision = revision
        self.events = events
    }
}

/// The identity of a lease.
package struct LeaseID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The number, from 1.
    package let rawValue: Int64

    /// Makes an identity.
    package init(_ rawValue: Int64) { self.rawValue = rawValue }

    /// The number in hexadecimal.
    package var description: String { String(rawValue, radix: 16) }

    package static func < (left: LeaseID, right: LeaseID) -> Bool { left.rawValue < right.rawValue }
}

/// A lease as granted.
package struct Lease: Sendable, Hashable {
    /// Its identity.
    package var id: LeaseID
    /// How long it lasts without being kept alive.
    package var ttl: Duration

    /// Makes a lease.
    package init(id: LeaseID, ttl: Duration) {
        self.id = id
        self.ttl = ttl
    }
}
