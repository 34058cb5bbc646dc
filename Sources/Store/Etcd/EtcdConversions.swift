internal import Foundation

// Between the store's values and etcd's messages. etcd's bytes are Foundation's `Data` in swift-protobuf.

extension EtcdRangeRequest {
    /// All keys with a prefix, beyond a key.
    init(prefix: String, after: String?) {
        self.init()
        (key, rangeEnd) = Self.bounds(ofPrefix: prefix)
        if let after, after >= prefix { key = Data(after.utf8) + [0] }
    }

    /// A key alone.
    init(key: String) {
        self.init()
        self.key = Data(key.utf8)
    }

    /// Reads no entry: tells the store's revision, and whether a past one can still be read.
    static func probe(revision: Int64) -> EtcdRangeRequest {
        var request = EtcdRangeRequest()
        request.key = Data([0])
        request.countOnly = true
        request.revision = revision
        return request
    }

    /// First key and the one beyond the last; for everything a zero byte each, as etcd has it.
    static func bounds(ofPrefix prefix: String) -> (key: Data, rangeEnd: Data) {
        guard let bound = TransactionRules.upperBound(ofPrefix: prefix) else { return (Data([0]), Data([0])) }
        return (Data(prefix.utf8), Data(bound.utf8))
    }
}

extension Entry {
    init(_ message: EtcdKeyValue) {
        self.init(
            key: String(decoding: message.key, as: UTF8.self), value: [UInt8](message.value),
            createRevision: message.createRevision, modRevision: message.modRevision, version: message.version,
            lease: message.lease == 0 ? nil : LeaseID(message.lease))
    }
}

extension WatchEvent {
    init(_ message: EtcdEvent) {
        switch message.type {
        case .delete:
            self = .delete(String(decoding: message.kv.key, as: UTF8.self), modRevision: message.kv.modRevision)
        case .put, .UNRECOGNIZED: self = .put(Entry(message.kv))
        }
    }
}

extension EtcdTxnRequest {
    init(_ transaction: Transaction) {
        self.init()
        compare = transaction.compares.map { EtcdCompare($0) }
        success = transaction.then.map { EtcdRequestOp($0) }
        failure = transaction.otherwise.map { EtcdRequestOp($0) }
    }
}

extension EtcdCompare {
    init(_ compare: Compare) {
        self.init()
        key = Data(compare.key.utf8)
        switch compare {
        case .absent: (target, operand) = (.create, .createRevision(0))
        case .exists: (result, target, operand) = (.greater, .create, .createRevision(0))
        case .value(_, let value): (target, operand) = (.value, .value(Data(value)))
        case .modRevision(_, let revision): (target, operand) = (.mod, .modRevision(revision))
        case .createRevision(_, let revision): (target, operand) = (.create, .createRevision(revision))
        case .version(_, let version): (target, operand) = (.version, .version(version))
        }
    }
}

extension EtcdRequestOp {
    init(_ op: Op) {
        self.init()
        switch op {
        case .put(let key, let value, let lease):
            put.key = Data(key.utf8)
            put.value = Data(value)
            put.lease = lease?.rawValue ?? 0
        case .delete(let key): deleteRange.key = Data(key.utf8)
        case .deletePrefix(let prefix):
            (deleteRange.key, deleteRange.rangeEnd) = EtcdRangeRequest.bounds(ofPrefix: prefix)
        case .get(let key): range = EtcdRangeRequest(key: key)
        }
    }
}

extension OpResponse {
    /// Nil for an answer to something that was not asked.
    init?(_ message: EtcdResponseOp) {
        switch message.response {
        case .put: self = .put
        case .deleteRange(let answer): self = .deleted(Int(answer.deleted))
        case .range(let answer): self = .got(answer.kvs.first.map { Entry($0) })
        case nil: return nil
        }
    }
}
