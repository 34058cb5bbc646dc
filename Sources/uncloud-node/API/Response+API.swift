internal import Actors
internal import HTTP
internal import HTTPTypes
internal import JSON
internal import Model

extension Response {
    /// A JSON document, with the revision that it shows.
    static func json(_ value: JSONValue, status: Int = 200, revision: Int64? = nil) -> Response {
        var response = Response.bytes(value.encoded() + [UInt8(ascii: "\n")], type: "application/json", status: status)
        if let revision { response.fields[.uncloudRevision] = String(revision) }
        return response
    }

    /// A resource, with its revision as entity tag, which `If-Match` takes.
    static func resource(_ resource: Resource, status: Int = 200) -> Response {
        var response = json(resource.document, status: status, revision: resource.storeRevision ?? resource.revision)
        response.fields[.eTag] = "\"\(resource.revision)\""
        return response
    }

    /// RFC 9457.
    static func problem(_ problem: ProblemError) -> Response {
        var response = Response.bytes(
            problem.json.encoded() + [UInt8(ascii: "\n")], type: "application/problem+json",
            status: (400...599).contains(problem.status) ? problem.status : 500)
        switch problem.status {
        case 415: response.fields[.acceptPatch] = WriteBody.mergePatch
        case 426: response.fields[.upgrade] = ConsoleUpgrade.protocolName
        default: break
        }
        return response
    }
}
