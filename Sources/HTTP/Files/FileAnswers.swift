public import HTTPTypes
public import Runtime

/// Answers requests with files: read piece by piece on threads of their own, never on the loop.
///
/// GET and HEAD, with ETag and Last-Modified, the conditions of RFC 9110 (304, 412), and one range of bytes (206, 416). A tag is
/// weak while the file is so fresh that it could change without its time showing it. Memory for one answer: a piece being read
/// and `ServerConfiguration.maxUnsent`.
public struct FileAnswers: Sendable {
    private static let piece = 128 * 1024

    private let pool: BlockingPool

    /// Answers that read on the threads of a pool, which may be shared.
    public init(on pool: BlockingPool) { self.pool = pool }

    /// Answers with the file at a path of the program's own choice.
    ///
    /// - Parameters:
    ///   - request: what was asked.
    ///   - path: the file; symbolic links are followed.
    ///   - type: its media type.
    ///   - fields: further fields, Cache-Control as a rule.
    /// - Returns: the answer; 404 if there is no regular file, 405 for other methods than GET and HEAD.
    /// - Throws: `SystemError` if it can't be opened for another reason; `CancellationError`.
    public func answer(
        _ request: Request, path: String, type: String, fields: HTTPFields = [:]
    ) async throws -> Response {
        try await answer(request, type, fields) { () throws(SystemError) in try OpenFile.open(path) }
    }

    /// Answers with the file that segments of the request's path lead to below a directory.
    ///
    /// Names that would lead elsewhere (empty, `.`, `..`, with a slash or NUL in them) and symbolic links lead nowhere.
    ///
    /// - Parameters:
    ///   - request: what was asked.
    ///   - segments: the names, decoded: a part of `Request.pathSegments`.
    ///   - directory: where they begin.
    ///   - type: the media type.
    ///   - fields: further fields.
    /// - Returns: as the other form does.
    /// - Throws: as the other form does.
    public func answer(
        _ request: Request, segments: [String], below directory: String, type: String, fields: HTTPFields = [:]
    ) async throws -> Response {
        try await answer(request, type, fields) { () throws(SystemError) in
            try OpenFile.open(segments, below: directory)
        }
    }

    private func answer(
        _ request: Request, _ type: String, _ extra: HTTPFields,
        _ open: @escaping @Sendable () throws(SystemError) -> OpenFile?
    ) async throws -> Response {
        guard request.method == "GET" || request.method == "HEAD" else {
            return .methodNotAllowed(allow: ["GET", "HEAD"])
        }
        guard let file = try await pool.run({ try open() }) else { return .notFound }
        var fields = extra
        fields[.eTag] = file.tag.description
        fields[.lastModified] = HTTPDate.text(file.lastModified)
        let validators = Validators(tag: file.tag, lastModified: file.lastModified)
        switch validators.verdict(request.fields, method: request.method) {
        case .notModified: return Response(status: 304, fields: fields)
        case .failed: return .text("the file has changed\n", status: 412)
        case .proceed: break
        }
        fields[.acceptRanges] = "bytes"
        fields[.contentType] = type
        return part(of: file, range(request, validators, file.length), fields)
    }

    private func range(_ request: Request, _ validators: Validators, _ length: Int64) -> ByteRange {
        // Of HEAD a range says nothing: RFC 9110, section 14.2.
        guard request.method == "GET", let text = request.fields[.range], validators.allowsRange(request.fields) else {
            return .whole
        }
        return ByteRange.parse(text, length: length)
    }

    private func part(of file: OpenFile, _ range: ByteRange, _ fields: HTTPFields) -> Response {
        var fields = fields
        switch range {
        case .whole:
            return Response(status: 200, fields: fields, body: body(of: file, 0..<file.length))
        case .part(let bytes):
            fields[.contentRange] = "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/\(file.length)"
            return Response(status: 206, fields: fields, body: body(of: file, bytes))
        case .unsatisfiable:
            var refusal = Response.text("there are no such bytes\n", status: 416)
            refusal.fields[.contentRange] = "bytes */\(file.length)"
            return refusal
        }
    }

    private func body(of file: OpenFile, _ range: Range<Int64>) -> Response.Body {
        guard !range.isEmpty else { return .bytes([]) }
        return .sized(range.upperBound - range.lowerBound) { [pool] writer in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let (place, count) = (offset, Int(min(Int64(Self.piece), range.upperBound - offset)))
                let bytes = try await pool.run { try file.read(at: place, count: count) }
                // Shorter than it was: the answer can't be completed, and is cut.
                guard !bytes.isEmpty else { return }
                try await writer.write(bytes)
                offset += Int64(bytes.count)
            }
        }
    }
}
