package import JSON
internal import Yams

/// JSON values as YAML, by Yams.
package enum YAMLText {
    /// The value as one YAML document with sorted names, ended by a line end.
    package static func encode(_ value: JSONValue) -> String {
        (try? Yams.serialize(node: node(of: value), width: -1, allowUnicode: true)) ?? ""
    }

    private static func node(of value: JSONValue) -> Yams.Node {
        switch value {
        case .null: return Yams.Node("null", Tag(.null))
        case .bool(let flag): return Yams.Node(flag ? "true" : "false", Tag(.bool))
        case .int(let number): return Yams.Node(String(number), Tag(.int))
        case .double(let number): return Yams.Node(String(number), Tag(.float))
        case .string(let text): return stringNode(text)
        case .array(let elements):
            return .sequence(Yams.Node.Sequence(elements.map(node(of:)), Tag(.seq), elements.isEmpty ? .flow : .block))
        case .object(let members):
            let pairs = members.sorted { $0.key < $1.key }.map { (stringNode($0.key), node(of: $0.value)) }
            return .mapping(Yams.Node.Mapping(pairs, Tag(.map), pairs.isEmpty ? .flow : .block))
        }
    }

    /// Text that a reader would take for a number or a truth value is quoted; text of several lines is a block.
    private static func stringNode(_ text: String) -> Yams.Node {
        let plain = Yams.Node.Scalar(text)
        if text.contains("\n"), !text.contains("\r") {
            return .scalar(Yams.Node.Scalar(text, Tag(.str), .literal))
        }
        let readsAsText = Yams.Node.scalar(plain).tag == Tag(.str) && !text.isEmpty
        return .scalar(readsAsText ? plain : Yams.Node.Scalar(text, Tag(.str), .singleQuoted))
    }
}
