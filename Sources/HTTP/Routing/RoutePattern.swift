/// A route's path pattern, taken apart. Pure.
struct RoutePattern: Sendable {
    enum Form { case exact, parametric, prefix }

    enum Segment: Sendable {
        case literal([UInt8])
        case parameter
    }

    /// As the program has it.
    let source: String
    let form: Form
    /// The whole path, or what a path must begin with.
    let text: [UInt8]
    /// The parts between slashes, of a pattern with parameters.
    let segments: [Segment]

    /// Takes a pattern apart; ends the process if it is malformed.
    init(_ source: String) {
        precondition(source.utf8.first == Byte.slash, "a pattern begins with a slash: \(source)")
        self.source = source
        let isPrefix = source.hasSuffix("/*")
        text = Array((isPrefix ? source.dropLast() : source[...]).utf8)
        let parts = source.utf8.dropFirst().split(separator: Byte.slash, omittingEmptySubsequences: false)
        let parsed = parts.map { Self.segment(String(decoding: $0, as: UTF8.self), in: source) }
        let parameters = parsed.count { if case .parameter = $0 { true } else { false } }
        precondition(parameters <= PathParameters.limit, "more than \(PathParameters.limit) parameters: \(source)")
        precondition(!isPrefix || parameters == 0, "a prefix has no parameters: \(source)")
        form = isPrefix ? .prefix : parameters > 0 ? .parametric : .exact
        segments = form == .parametric ? parsed : []
        let isPlain = form == .parametric || text.allSatisfy { $0 != Byte.question && ByteClass.target.contains($0) }
        precondition(isPlain && (isPrefix || !source.contains("*")), "not a path as it is sent: \(source)")
    }

    private static func segment(_ text: String, in source: String) -> Segment {
        if text.hasPrefix("{"), text.hasSuffix("}"), text.count > 2 { return .parameter }
        let bytes = Array(text.utf8)
        let isPlain = bytes.allSatisfy {
            $0 != 0x7b && $0 != 0x7d && $0 != Byte.question && ByteClass.target.contains($0)
        }
        precondition(isPlain, "a parameter is a whole segment, anything else a path as it is sent: \(source)")
        return .literal(bytes)
    }

    /// Whether both patterns take the same paths: the names of parameters make no difference.
    func takesTheSame(as other: RoutePattern) -> Bool {
        guard form == other.form else { return false }
        guard form == .parametric else { return text == other.text }
        guard segments.count == other.segments.count else { return false }
        return zip(segments, other.segments).allSatisfy { one, two in
            switch (one, two) {
            case (.parameter, .parameter): true
            case (.literal(let one), .literal(let two)): one == two
            default: false
            }
        }
    }

    /// Whether this pattern is to be tried before another of as many segments.
    func precedes(_ other: RoutePattern) -> Bool {
        for (one, two) in zip(segments, other.segments) {
            switch (one, two) {
            case (.literal, .parameter): return true
            case (.parameter, .literal): return false
            default: continue
            }
        }
        return false
    }

    /// Whether a path of as many segments fits; if so, the parameters are where they lie.
    func matches(_ path: Span<UInt8>, _ parameters: inout PathParameters) -> Bool {
        var found = PathParameters()
        var position = 0
        for segment in segments {
            guard position < path.count, path[position] == Byte.slash else { return false }
            let start = position + 1
            position = start
            while position < path.count, path[position] != Byte.slash { position += 1 }
            switch segment {
            case .literal(let text):
                guard RouteTable.equal(path, start..<position, text) else { return false }
            case .parameter:
                guard position > start else { return false }
                found.append(start..<position)
            }
        }
        parameters = found
        return position == path.count
    }
}
