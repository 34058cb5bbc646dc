import HTTPTypes
import JSON
import uncloud_node

/// An input that must be refused: in one line that names the field and the way out, with its status, and with nothing half
/// done.
struct WrongInput: Sendable {
    enum Kind: Sendable {
        case command([String])
        /// A request that the command line would not send.
        case request(method: String, target: String, fields: HTTPFields, body: String)
    }

    var what: String
    var kind: Kind
    /// The exit status of a command.
    var status: CommandStatus
    /// The HTTP status of a request.
    var http: Int
    /// What the line (or the problem) must name: the field first.
    var names: [String]

    static func command(_ what: String, _ status: CommandStatus, _ arguments: [String], names: [String]) -> WrongInput {
        WrongInput(what: what, kind: .command(arguments), status: status, http: 0, names: names)
    }

    static func request(
        _ what: String, _ http: Int, _ method: String, _ target: String, _ fields: HTTPFields = [:], body: String = "",
        names: [String]
    ) -> WrongInput {
        WrongInput(
            what: what, kind: .request(method: method, target: target, fields: fields, body: body), status: .ok,
            http: http,
            names: names)
    }
}
