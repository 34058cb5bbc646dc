/// The patterns of a router, in the form in which they are searched. Pure.
struct RouteTable: Sendable {
    /// What a method at a path leads to.
    enum Target {
        case route(Int)
        case other(PreparedResponse)
    }

    fileprivate struct Place: Sendable {
        var pattern: RoutePattern
        var methods: [(method: RequestMethod, name: [UInt8], route: Int)] = []
        var wrongMethod = PreparedResponse.notFound
        var options = PreparedResponse.notFound
    }

    private var places: [Place] = []
    /// Exact paths: open addressing by hash, a power of two, at most half full; -1 is free.
    private var exact: [Int32] = []
    /// Patterns with parameters by their number of segments, the most specific first.
    private var parametric: [[Int]] = []
    /// Prefixes, the longest first.
    private var prefixes: [Int] = []

    init(_ routes: [(method: String, pattern: String)]) {
        for (index, route) in routes.enumerated() { add(route.method, RoutePattern(route.pattern), index) }
        for index in places.indices { places[index].prepare() }
        var size = 4
        while size < 2 * places.count { size *= 2 }
        exact = [Int32](repeating: -1, count: size)
        for (place, entry) in places.enumerated() { index(entry.pattern, place) }
        for count in parametric.indices { parametric[count].sort { places[$0].pattern.precedes(places[$1].pattern) } }
        prefixes.sort { places[$0].pattern.text.count > places[$1].pattern.text.count }
    }

    private mutating func add(_ method: String, _ pattern: RoutePattern, _ route: Int) {
        precondition(!method.isEmpty && method.utf8.allSatisfy(ByteClass.token.contains), "a method is a token")
        let name = Array(method.utf8)
        let place: Int
        if let known = places.firstIndex(where: { $0.pattern.takesTheSame(as: pattern) }) {
            place = known
        } else {
            place = places.count
            places.append(Place(pattern: pattern))
        }
        precondition(!places[place].methods.contains { $0.name == name }, "two routes for \(method) \(pattern.source)")
        places[place].methods.append((RequestMethod.of(name.span, 0..<name.count), name, route))
    }

    private mutating func index(_ pattern: RoutePattern, _ place: Int) {
        switch pattern.form {
        case .exact:
            var slot = Self.hash(pattern.text.span) & (exact.count - 1)
            while exact[slot] >= 0 { slot = (slot + 1) & (exact.count - 1) }
            exact[slot] = Int32(truncatingIfNeeded: place)
        case .parametric:
            while parametric.count <= pattern.segments.count { parametric.append([]) }
            parametric[pattern.segments.count].append(place)
        case .prefix: prefixes.append(place)
        }
    }

    // MARK: - Searching

    /// The place of a path, with what its pattern left open.
    func find(_ path: Span<UInt8>, _ parameters: inout PathParameters) -> Int? {
        var slot = Self.hash(path) & (exact.count - 1)
        while exact[slot] >= 0 {
            let place = Int(exact[slot])
            if Self.equal(path, 0..<path.count, places[place].pattern.text) { return place }
            slot = (slot + 1) & (exact.count - 1)
        }
        if !parametric.isEmpty {
            var segments = 0
            for index in 0..<path.count where path[index] == Byte.slash { segments += 1 }
            if segments < parametric.count {
                for place in parametric[segments] where places[place].pattern.matches(path, &parameters) {
                    return place
                }
            }
        }
        for place in prefixes {
            let text = places[place].pattern.text
            if path.count >= text.count, Self.equal(path, 0..<text.count, text) {
                parameters.append(text.count..<path.count)
                return place
            }
        }
        return nil
    }

    /// What a method leads to at a place.
    func method(_ method: RequestMethod, _ name: Span<UInt8>, at place: Int) -> Target {
        var get = -1
        for entry in places[place].methods {
            if entry.method == method, method != .other || Self.equal(name, 0..<name.count, entry.name) {
                return .route(entry.route)
            }
            if entry.method == .get { get = entry.route }
        }
        if method == .head, get >= 0 { return .route(get) }
        return .other(method == .options ? places[place].options : places[place].wrongMethod)
    }

    /// FNV-1a of 64 bits; the paths are the program's own, so nobody can choose them to collide.
    private static func hash(_ bytes: Span<UInt8>) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<bytes.count { hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01b3 }
        return Int(truncatingIfNeeded: hash ^ hash >> 32)
    }

    static func equal(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: [UInt8]) -> Bool {
        guard range.count == text.count else { return false }
        for index in 0..<text.count where bytes[range.lowerBound + index] != text[index] { return false }
        return true
    }
}

extension RouteTable.Place {
    /// Makes the answers that name the methods.
    mutating func prepare() {
        var names = methods.map { String(decoding: $0.name, as: UTF8.self) }
        if names.contains("GET"), !names.contains("HEAD") { names.append("HEAD") }
        if !names.contains("OPTIONS") { names.append("OPTIONS") }
        names.sort()
        wrongMethod = .methodNotAllowed(allow: names)
        options = PreparedResponse(status: 204, fields: [("Allow", names.joined(separator: ", "))])
    }
}
