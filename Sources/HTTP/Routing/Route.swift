public import Runtime

/// A method, a path pattern, and what answers: an entry of a `Router`.
///
/// A pattern is a path as it is sent, percent-encoded where it must be, of one of three forms:
/// - `/status`, exact;
/// - `/vms/{id}/keys`, with parameters that stand for one whole segment each, which may not be empty;
/// - `/files/*`, which takes all that begins with what stands before the star; the rest is its one parameter.
public struct Route: Sendable {
    /// What answers: as `RequestHandler.handle`, with the parts of the path that the pattern left open.
    public typealias Handler =
        @Sendable (
            _ request: borrowing RequestView, _ parameters: PathParameters, _ context: ConnectionContext,
            _ isolation: isolated LoopActor
        ) -> Answer

    let method: String
    let pattern: String
    let handler: Handler

    /// An entry for any method.
    ///
    /// - Parameters:
    ///   - method: the method, in the case in which it is sent.
    ///   - pattern: the path's pattern; a malformed one is refused by the router, by a precondition.
    ///   - handler: what answers, on the loop; must not block.
    public init(_ method: String, _ pattern: String, _ handler: @escaping Handler) {
        self.method = method
        self.pattern = pattern
        self.handler = handler
    }

    /// An entry for GET, and for HEAD unless there is one of its own.
    public static func get(_ pattern: String, _ handler: @escaping Handler) -> Route { Route("GET", pattern, handler) }
    /// An entry for PUT.
    public static func put(_ pattern: String, _ handler: @escaping Handler) -> Route { Route("PUT", pattern, handler) }
    /// An entry for POST.
    public static func post(_ pattern: String, _ handler: @escaping Handler) -> Route {
        Route("POST", pattern, handler)
    }
    /// An entry for PATCH.
    public static func patch(_ pattern: String, _ handler: @escaping Handler) -> Route {
        Route("PATCH", pattern, handler)
    }
    /// An entry for DELETE.
    public static func delete(_ pattern: String, _ handler: @escaping Handler) -> Route {
        Route("DELETE", pattern, handler)
    }
}

/// Where the parts of a path lie that a pattern left open, in the pattern's order. No allocation; `request` is the one that was
/// handed over together with these.
public struct PathParameters: Sendable {
    /// Parameters that a pattern may have.
    public static let limit = 4

    /// How many there are.
    public private(set) var count = 0
    private var bounds = SIMD8<Int32>(repeating: 0)

    init() {}

    mutating func append(_ range: Range<Int>) {
        bounds[2 * count] = Int32(truncatingIfNeeded: range.lowerBound)
        bounds[2 * count + 1] = Int32(truncatingIfNeeded: range.upperBound)
        count += 1
    }

    private func range(_ index: Int) -> Range<Int> {
        precondition(index >= 0 && index < count, "the pattern has no such parameter")
        return Int(bounds[2 * index])..<Int(bounds[2 * index + 1])
    }

    /// The bytes of a parameter as they were sent, percent-encoded.
    @_lifetime(copy request)
    public func bytes(_ index: Int, of request: borrowing RequestView) -> Span<UInt8> {
        request.path.extracting(range(index))
    }

    /// A parameter, percent-decoded, in a string of its own; what is no UTF-8 is replaced. It may hold a slash that was sent
    /// encoded.
    public func text(_ index: Int, of request: borrowing RequestView) -> String {
        Percent.decoded([UInt8](copying: bytes(index, of: request))[...])
    }

    /// A parameter that is a decimal number of at most 18 digits; nil for anything else.
    public func number(_ index: Int, of request: borrowing RequestView) -> Int64? {
        let bytes = bytes(index, of: request)
        return decimal(bytes, 0..<bytes.count)
    }
}
