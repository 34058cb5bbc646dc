internal import HTTPTypes

/// What of a request decides how its answer is written.
struct AnswerTraits {
    /// The request was HEAD: fields as for GET, no body.
    var isHead = false
    /// The peer speaks HTTP/1.0.
    var isHTTP10 = false
    /// The connection goes on after this answer.
    var keepsAlive = true
}

/// Serialises answers into one buffer, which the connection then writes at once. Pure but for the date. A `Server` has one, on
/// its loop.
struct AnswerEncoder {
    /// What waits to be written.
    let output = OutputBuffer()
    private var date = DateLine()
    private let sendsDate: Bool
    private let serverLine: [UInt8]

    init(sendsDate: Bool, serverName: String?) {
        self.sendsDate = sendsDate
        self.serverLine = serverName.map { Array("Server: \($0)\r\n".utf8) } ?? []
    }

    /// A whole prepared answer.
    mutating func append(_ prepared: PreparedResponse, _ traits: AnswerTraits) {
        prepared.bytes.withUnsafeBufferPointer { bytes in
            output.append(UnsafeBufferPointer(rebasing: bytes[..<prepared.headLength]))
            endHead(traits)
            if !traits.isHead { output.append(UnsafeBufferPointer(rebasing: bytes[prepared.headLength...])) }
        }
    }

    /// A whole answer of known length.
    mutating func append(_ response: Response, body: [UInt8], _ traits: AnswerTraits) {
        var head = Self.head(response, status: response.status)
        let bodiless = response.status == 204 || response.status == 304
        if !bodiless { head.appendField("Content-Length", String(response.status == 205 ? 0 : body.count)) }
        output.append(head)
        endHead(traits)
        if !traits.isHead, !bodiless, response.status != 205 { output.append(body) }
    }

    /// The head of an answer whose length isn't known: chunked, or for HTTP/1.0 ended by the connection's end.
    mutating func appendStreamHead(_ response: Response, _ traits: AnswerTraits) {
        output.append(Self.head(response, status: response.status))
        if !traits.isHTTP10 { output.append("Transfer-Encoding: chunked\r\n") }
        endHead(traits)
    }

    /// The head of an answer that is written in pieces and whose length is known.
    mutating func appendSizedHead(_ response: Response, length: Int64, _ traits: AnswerTraits) {
        var head = Self.head(response, status: response.status)
        head.appendField("Content-Length", String(length))
        output.append(head)
        endHead(traits)
    }

    /// One piece of a streamed body.
    func appendPiece(_ piece: [UInt8], chunked: Bool) {
        guard !piece.isEmpty else { return }
        if chunked {
            output.append(Array(String(piece.count, radix: 16).utf8))
            output.append("\r\n")
        }
        output.append(piece)
        if chunked { output.append("\r\n") }
    }

    /// The end of a chunked body, with the lines of its trailer section.
    func appendLastChunk(trailers: [UInt8]) {
        output.append("0\r\n")
        output.append(trailers)
        output.append("\r\n")
    }

    /// The interim answer that asks for the body.
    func appendContinue() { output.append("HTTP/1.1 100 Continue\r\n\r\n") }

    /// The head after which the connection speaks another protocol.
    mutating func appendUpgradeHead(_ response: Response, protocol name: String) {
        var head = Self.head(response, status: 101)
        head.appendField("Upgrade", name)
        output.append(head)
        output.append("Connection: Upgrade\r\n")
        if sendsDate {
            date.refresh()
            output.append(date.bytes)
        }
        output.append("\r\n")
    }

    private static func head(_ response: Response, status: Int) -> [UInt8] {
        var head: [UInt8] = []
        head.appendStatusLine(status)
        for field in response.fields where !isReserved(field.name) {
            head.append(contentsOf: field.name.rawName.utf8)
            head.append(": ")
            field.withUnsafeBytesOfValue { head.append(contentsOf: $0) }
            head.append("\r\n")
        }
        // RFC 9110, 15.5.22: 426 says which protocols would do; 7.8: whoever sends Upgrade names it in Connection.
        if status == 426, let names = response.fields[.upgrade] {
            head.appendField("Upgrade", names)
            head.appendField("Connection", "Upgrade")
        }
        return head
    }

    /// What the connection alone decides.
    @inline(__always)
    private mutating func endHead(_ traits: AnswerTraits) {
        if sendsDate {
            date.refresh()
            output.append(date.bytes)
        }
        if !serverLine.isEmpty { output.append(serverLine) }
        if !traits.keepsAlive {
            output.append("Connection: close\r\n\r\n")
        } else if traits.isHTTP10 {
            output.append("Connection: keep-alive\r\n\r\n")
        } else {
            output.append("\r\n")
        }
    }

    private static func isReserved(_ name: HTTPField.Name) -> Bool {
        switch name {
        case .contentLength, .transferEncoding, .connection, .date, .upgrade: true
        default: false
        }
    }
}
