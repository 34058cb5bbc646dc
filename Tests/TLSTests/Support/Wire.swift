import TLS

/// One engine and what it has told.
final class Side {
    let engine: TLSEngine
    var received: [UInt8] = []
    var isOpen = false
    var isEnded = false
    var failure: TLSError?

    init(_ engine: TLSEngine) { self.engine = engine }

    /// Lets it work on what has come.
    func advance() {
        while true {
            switch engine.next({ bytes in bytes.withUnsafeBufferPointer { received += $0 } }) {
            case .needsInput: return
            case .delivered: continue
            case .handshakeDone: isOpen = true
            case .closed:
                isEnded = true
                return
            case .failed(let error):
                failure = error
                return
            }
        }
    }

    func receive(_ bytes: [UInt8]) {
        engine.receive(bytes.span)
        advance()
    }

    func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBufferPointer { try engine.write($0) } }
    func write(_ text: String) throws { try write(Array(text.utf8)) }
    var text: String { String(decoding: received, as: UTF8.self) }
}

/// Two engines and the wire between them.
struct Wire {
    let client: Side
    let server: Side

    init(_ client: TLSClientContext, _ server: TLSServerContext, name: String = "localhost") throws {
        self.client = Side(try TLSEngine(client: client, serverName: try ServerName(name)))
        self.server = Side(try TLSEngine(server: server))
    }

    /// Carries bytes to and fro until nobody has anything to say.
    ///
    /// - Parameter cut: makes the pieces in which one flight arrives.
    func run(cut: ([UInt8]) -> [[UInt8]] = { [$0] }) {
        client.advance()
        while carry(client, server, cut) || carry(server, client, cut) {}
    }

    private func carry(_ from: Side, _ to: Side, _ cut: ([UInt8]) -> [[UInt8]]) -> Bool {
        let flight = from.engine.takeOutput()
        for piece in cut(flight) where !piece.isEmpty { to.receive(piece) }
        return !flight.isEmpty
    }
}

/// Pieces of one length.
func pieces(of length: Int) -> ([UInt8]) -> [[UInt8]] {
    { bytes in
        stride(from: 0, to: bytes.count, by: length).map { Array(bytes[$0..<min($0 + length, bytes.count)]) }
    }
}
