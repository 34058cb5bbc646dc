/// A condition on one key.
package enum Compare: Sendable, Hashable {
    /// There is no such key.
    case absent(String)
    /// There is such a key.
    case exists(String)
    /// The key has this value; false for a key that is not there.
    case value(String, equals: [UInt8])
    /// The key was last written at this revision; 0 for a key that is not there.
    case modRevision(String, equals: Int64)
    /// The key was made at this revision; 0 for a key that is not there.
    case createRevision(String, equals: Int64)
    /// The key was written so many times; 0 for a key that is not there.
    case version(String, equals: Int64)

    /// The key.
    package var key: String {
        switch self {
        case .absent(let key), .exists(let key), .value(let key, _), .modRevision(let key, _),
            .createRevision(let key, _), .version(let key, _):
            key
        }
    }

    /// Whether it holds for the key's entry.
    func holds(for entry: Entry?) -> Bool {
        switch self {
        case .absent: entry == nil
        case .exists: entry != nil
        case .value(_, let value): entry?.value == value
        case .modRevision(_, let revision): entry?.modRevision ?? 0 == revision
        case .createRevision(_, let revision): entry?.createRevision ?? 0 == revision
        case .version(_, let version): entry?.version ?? 0 == version
        }
    }
}

/// One step of a transaction.
package enum Op: Sendable, Hashable {
    /// Writes a value; without a lease the key hangs on none any more.
    case put(String, [UInt8], lease: LeaseID? = nil)
    /// Deletes a key, if it is there.
    case delete(String)
    /// Deletes all keys that begin with the prefix.
    case deletePrefix(String)
    /// Reads a key, with what the steps before have done.
    case get(String)

    /// Whether it may change the store.
    package var isWrite: Bool {
        if case .get = self { return false }
        return true
    }
}

/// What a step of a transaction found or did.
package enum OpResponse: Sendable, Hashable {
    /// The value was written.
    case put
    /// So many keys were deleted.
    case deleted(Int)
    /// The entry, if there is one.
    case got(Entry?)

    /// The entry of a `get`.
    package var entry: Entry? {
        guard case .got(let entry) = self else { return nil }
        return entry
    }
}

/// Conditions, and what to do when they all hold or when one does not.
///
/// At most 128 compares and 128 operations a branch; no key may be written twice in a branch, nor written and deleted.
package struct Transaction: Sendable, Hashable {
    /// The conditions; none means that `then` runs.
    package var compares: [Compare]
    /// What happens when all conditions hold.
    package var then: [Op]
    /// What happens else.
    package var otherwise: [Op]

    /// Makes a transaction.
    package init(compares: [Compare] = [], then: [Op], otherwise: [Op] = []) {
        self.compares = compares
        self.then = then
        self.otherwise = otherwise
    }
}

/// What a transaction did.
package struct TransactionResult: Sendable, Hashable {
    /// Whether the conditions held, so that `then` ran.
    package var succeeded: Bool
    /// The store's revision afterwards: the transaction's own if it changed anything.
    package var revision: Int64
    /// One for each operation of the branch that ran.
    package var responses: [OpResponse]

    /// Makes a result.
    package init(succeeded: Bool, revision: Int64, responses: [OpResponse]) {
        self.succeeded = succeeded
        self.revision = revision
        self.responses = responses
    }
}
