/// Holds each answer against those before it: another cluster, or a revision that went back, means another store than the one
/// this client has worked with (restored from a copy, or a foreign one). Pure.
package struct AnswerCheck: Sendable {
    /// The cluster's number, from the first answer or from whoever knew it before.
    package private(set) var cluster: UInt64?
    /// The highest revision in any answer.
    package private(set) var highest: Int64

    /// - Parameters:
    ///   - cluster: the only one that will do; nil for that of the first answer.
    ///   - highest: the highest revision known from earlier.
    package init(cluster: UInt64? = nil, highest: Int64 = 0) {
        self.cluster = cluster
        self.highest = highest
    }

    /// Takes an answer in.
    ///
    /// - Parameters:
    ///   - answer: the cluster's number in its header.
    ///   - revision: the revision in its header.
    ///   - floor: `highest` when it was asked for, if it has to be no older than that; nil where it may be.
    /// - Throws: `StoreError`: `foreign`, `restored`. Nothing of the answer may be used then.
    package mutating func take(cluster answer: UInt64, revision: Int64, floor: Int64?) throws(StoreError) {
        if let cluster, cluster != answer {
            throw StoreError(
                .foreign, "this is another etcd: cluster \(Self.text(answer)) and not \(Self.text(cluster))",
                fix: "check the endpoints")
        }
        if let floor, revision < floor {
            throw StoreError(
                .restored, "etcd's revision went back from \(floor) to \(revision): it was restored from an older copy")
        }
        cluster = answer
        highest = max(highest, revision)
    }

    /// A cluster's number as etcdctl shows it.
    static func text(_ cluster: UInt64) -> String { String(cluster, radix: 16) }
}
