/// The rules of the protocol that need no data to check; the same for all backends.
enum TransactionRules {
    static func check(_ transaction: Transaction) throws(StoreError) {
        let counts = [transaction.compares.count, transaction.then.count, transaction.otherwise.count]
        if let count = counts.max(), count > StoreLimits.operations {
            throw StoreError(
                .tooLarge, "a transaction has \(count) operations, at most \(StoreLimits.operations) are allowed",
                fix: "split it")
        }
        var bytes = 0
        for compare in transaction.compares {
            try check(key: compare.key)
            bytes += compare.key.utf8.count
            if case .value(_, let value) = compare { bytes += value.count }
        }
        for branch in [transaction.then, transaction.otherwise] { bytes += try check(branch) }
        guard bytes <= StoreLimits.requestBytes else {
            throw StoreError(
                .tooLarge, "a transaction has \(bytes) bytes, at most \(StoreLimits.requestBytes) are allowed",
                fix: "make its values smaller")
        }
    }

    /// Checks a branch and gives the bytes of its keys and values.
    private static func check(_ branch: [Op]) throws(StoreError) -> Int {
        var puts: Set<String> = []
        var deletes: [String] = []
        var prefixes: [String] = []
        var bytes = 0
        for op in branch {
            switch op {
            case .put(let key, let value, _):
                try check(key: key)
                guard puts.insert(key).inserted else { throw duplicate(key) }
                bytes += key.utf8.count + value.count
            case .delete(let key):
                try check(key: key)
                deletes.append(key)
                bytes += key.utf8.count
            case .deletePrefix(let prefix):
                try check(prefix: prefix)
                prefixes.append(prefix)
                bytes += prefix.utf8.count
            case .get(let key):
                try check(key: key)
                bytes += key.utf8.count
            }
        }
        if let key = deletes.first(where: puts.contains) { throw duplicate(key) }
        if let key = puts.first(where: { key in prefixes.contains { key.hasPrefix($0) } }) { throw duplicate(key) }
        return bytes
    }

    private static func duplicate(_ key: String) -> StoreError {
        StoreError(.invalid, "the key \(key) is written twice in one transaction")
    }

    static func check(key: String) throws(StoreError) {
        guard !key.isEmpty else { throw StoreError(.invalid, "a key is empty") }
        try check(prefix: key)
    }

    static func check(prefix: String) throws(StoreError) {
        guard prefix.utf8.count <= StoreLimits.keyBytes else {
            throw StoreError(
                .tooLarge, "a key has \(prefix.utf8.count) bytes, at most \(StoreLimits.keyBytes) are allowed")
        }
        guard prefix.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw StoreError(.invalid, "a key has other characters than printable ASCII without spaces")
        }
    }

    static func check(limit: Int?) throws(StoreError) {
        guard let limit, limit < 1 else { return }
        throw StoreError(.invalid, "a range is limited to \(limit) entries")
    }

    static func check(ttl: Duration) throws(StoreError) {
        guard ttl < StoreLimits.shortestLease else { return }
        throw StoreError(.invalid, "a lease of \(ttl) is shorter than \(StoreLimits.shortestLease)")
    }

    /// The first key beyond all that begin with the prefix; nil when there is no bound.
    static func upperBound(ofPrefix prefix: String) -> String? {
        var bytes = Array(prefix.utf8)
        guard let last = bytes.popLast() else { return nil }
        bytes.append(last + 1)  // at most 0x7f, since keys are printable ASCII
        return String(decoding: bytes, as: UTF8.self)
    }
}
