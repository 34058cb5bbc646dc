extension EtcdClient {
    /// Entries asked for at first, and at most, in one answer.
    private static let firstPage: Int64 = 128
    private static let largestPage: Int64 = 4096
    /// Bytes of entries that an answer is to have, about.
    private static let pageBytes = 1 << 20

    /// The store's revision, agreed upon by its members.
    func revision() async throws -> Int64 {
        try await call(EtcdMethods.range, .probe(revision: 0), .linearizableRead).header.revision
    }

    /// The entries of a prefix, all at one revision, in as many answers as it takes.
    func range(_ prefix: String, after: String?, limit: Int?) async throws -> RangeResult {
        while true {
            do {
                return try await wholeRange(prefix, after: after, limit: limit)
            } catch let error as StoreError where error.code == .compacted {
                // The revision of the first page was forgotten before the last one came.
                try Task.checkCancellation()
            }
        }
    }

    private func wholeRange(_ prefix: String, after: String?, limit: Int?) async throws -> RangeResult {
        var request = EtcdRangeRequest(prefix: prefix, after: after)
        var result = RangeResult(revision: 0, entries: [], more: false)
        var size = Self.firstPage
        while true {
            let wanted = limit.map { Int64($0 - result.entries.count) }
            request.limit = min(size, wanted ?? size)
            request.revision = result.revision
            let answer: EtcdRangeResponse
            do {
                answer = try await call(EtcdMethods.range, request, .linearizableRead)
            } catch let error as StoreError where error.code == .tooLarge && size > 1 {
                size = max(1, size / 8)
                continue
            }
            if result.revision == 0 { result.revision = answer.header.revision }
            result.entries += answer.kvs.map { Entry($0) }
            result.more = answer.more
            if !answer.more || answer.kvs.isEmpty || result.entries.count == limit { return result }
            if let last = result.entries.last { request.key = EtcdRangeRequest(prefix: "", after: last.key).key }
            let bytes = answer.kvs.reduce(0) { $0 + $1.key.count + $1.value.count + 32 }
            size = min(Self.largestPage, max(1, Int64(Self.pageBytes / (bytes / answer.kvs.count))))
        }
    }
}
