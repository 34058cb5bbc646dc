/// `Encoder` that builds a `JSONValue`. The containers of one encoder write into one shared node.
final class ValueEncoder: Encoder, SingleValueEncodingContainer {
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    fileprivate let node: Node

    /// What a container is building; children are kept as nodes until the end.
    fileprivate final class Node {
        enum Content {
            case nothing
            case value(JSONValue)
            case array([Node])
            case object([String: Node])
        }
        var content = Content.nothing

        init(_ content: Content = .nothing) { self.content = content }

        /// An encoder that was asked for nothing gives an empty object, as a type without stored properties does.
        var value: JSONValue {
            switch content {
            case .nothing: .object([:])
            case .value(let value): value
            case .array(let nodes): .array(nodes.map(\.value))
            case .object(let nodes): .object(nodes.mapValues(\.value))
            }
        }
    }

    fileprivate init(path: [any CodingKey], node: Node) {
        codingPath = path
        self.node = node
    }

    static func box(_ value: some Encodable, path: [any CodingKey]) throws -> JSONValue {
        if let json = value as? JSONValue { return json }
        let encoder = ValueEncoder(path: path, node: Node())
        try value.encode(to: encoder)
        return encoder.node.value
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .object = node.content {} else { node.content = .object([:]) }
        return KeyedEncodingContainer(KeyedValueEncoder(node: node, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .array = node.content {} else { node.content = .array([]) }
        return UnkeyedValueEncoder(node: node, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    func encodeNil() { node.content = .value(.null) }
    func encode(_ value: Bool) { node.content = .value(.bool(value)) }
    func encode(_ value: String) { node.content = .value(.string(value)) }
    func encode(_ value: Double) { node.content = .value(.double(value)) }
    func encode(_ value: Float) { node.content = .value(.double(Double(value))) }
    func encode(_ value: Int) throws { try integer(value) }
    func encode(_ value: Int8) throws { try integer(value) }
    func encode(_ value: Int16) throws { try integer(value) }
    func encode(_ value: Int32) throws { try integer(value) }
    func encode(_ value: Int64) throws { try integer(value) }
    func encode(_ value: UInt) throws { try integer(value) }
    func encode(_ value: UInt8) throws { try integer(value) }
    func encode(_ value: UInt16) throws { try integer(value) }
    func encode(_ value: UInt32) throws { try integer(value) }
    func encode(_ value: UInt64) throws { try integer(value) }
    func encode(_ value: some Encodable) throws { node.content = .value(try Self.box(value, path: codingPath)) }

    private func integer(_ value: some FixedWidthInteger) throws {
        guard let exact = Int64(exactly: value) else {
            throw JSONError(.number, "\(value) does not fit 64 bits", pointer: JSONError.pointer(codingPath))
        }
        node.content = .value(.int(exact))
    }
}

private struct KeyedValueEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: ValueEncoder.Node
    let codingPath: [any CodingKey]

    private func child(_ key: some CodingKey, _ content: ValueEncoder.Node.Content = .nothing) -> ValueEncoder {
        let child = ValueEncoder.Node(content)
        if case .object(var members) = node.content {
            node.content = .nothing  // keeps the dictionary uniquely referenced while it changes
            members[key.stringValue] = child
            node.content = .object(members)
        }
        return ValueEncoder(path: codingPath + [key], node: child)
    }

    mutating func encodeNil(forKey key: Key) { child(key).encodeNil() }

    mutating func encode(_ value: some Encodable, forKey key: Key) throws {
        let boxed = try ValueEncoder.box(value, path: codingPath + [key])
        _ = child(key, .value(boxed))
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { child(key).container(keyedBy: type) }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        child(key).unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder { child(AnyKey(stringValue: "super")) }
    mutating func superEncoder(forKey key: Key) -> any Encoder { child(key) }
}

private struct UnkeyedValueEncoder: UnkeyedEncodingContainer {
    let node: ValueEncoder.Node
    let codingPath: [any CodingKey]

    var count: Int {
        guard case .array(let nodes) = node.content else { return 0 }
        return nodes.count
    }

    private func child(_ content: ValueEncoder.Node.Content = .nothing) -> ValueEncoder {
        let child = ValueEncoder.Node(content)
        let index = count
        if case .array(var nodes) = node.content {
            node.content = .nothing  // keeps the array uniquely referenced while it changes
            nodes.append(child)
            node.content = .array(nodes)
        }
        return ValueEncoder(path: codingPath + [AnyKey(intValue: index)], node: child)
    }

    mutating func encodeNil() { child().encodeNil() }

    mutating func encode(_ value: some Encodable) throws {
        let boxed = try ValueEncoder.box(value, path: codingPath + [AnyKey(intValue: count)])
        _ = child(.value(boxed))
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) -> KeyedEncodingContainer<Nested> { child().container(keyedBy: type) }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { child().unkeyedContainer() }

    mutating func superEncoder() -> any Encoder { child() }
}
