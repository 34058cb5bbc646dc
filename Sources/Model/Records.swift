internal import JSON

/// A value of the store. Every one carries the version of its schema.
package protocol StoredRecord: Sendable, Codable {
    /// The version that this program writes, and the highest that it reads.
    static var currentSchema: Int { get }
    /// The version of this value.
    var schema: Int { get }
}

extension StoredRecord {
    package static var currentSchema: Int { 1 }
}

/// Reads a value of the store.
///
/// - Throws: `ProblemError` `store.newer-schema` for a value that a newer program wrote, `store.corrupt-record` for
///   anything else that can't be read; both name the key.
package func decodeRecord<T: StoredRecord>(
    _ type: T.Type = T.self, from bytes: [UInt8], key: String = "a value of the store"
) throws(ProblemError) -> T {
    let json: JSONValue
    do throws(JSONError) {
        json = try JSONValue(parsing: bytes)
    } catch {
        throw corruptRecord(key, error)
    }
    guard let schema = json["schema"]?.intValue, schema >= 1 else {
        throw corruptRecord(key, JSONError(.shape, "the schema version is missing", pointer: "/schema"))
    }
    guard schema <= T.currentSchema else { throw newerSchema(key, found: schema, known: T.currentSchema) }
    do throws(JSONError) {
        return try decode(type, from: json)
    } catch {
        throw corruptRecord(key, error)
    }
}

/// The bytes of a value for the store.
///
/// - Throws: `ProblemError` `store.corrupt-record` where a record can't be written as JSON, which is a mistake in it.
package func encodeRecord(_ record: some StoredRecord) throws(ProblemError) -> [UInt8] {
    do throws(JSONError) {
        return try encode(record)
    } catch {
        throw corruptRecord("\(type(of: record))", error)
    }
}

private func newerSchema(_ key: String, found: Int64, known: Int) -> ProblemError {
    ProblemError(
        status: 500, code: "store.newer-schema", title: "The store was written by a newer version",
        detail: "\(key) has schema \(found), this uncloud-node knows up to \(known)",
        fix: "run the newer uncloud-node again, or restore a backup from before the upgrade")
}

private func corruptRecord(_ key: String, _ error: JSONError) -> ProblemError {
    ProblemError(
        status: 500, code: "store.corrupt-record", title: "A value of the store can't be read",
        detail: "\(key) can't be read: \(error)",
        fix: "see what else can't be read: uncloud-node status; restore the store from a backup")
}
