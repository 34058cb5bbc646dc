internal import FuzzDriver
internal import TLS

// The TLS engine under libFuzzer, fed with whatever. Beside "no crash" and "no leak": nothing that the peer did not send
// authentically gets through, a failure is final, and an end without close_notify never passes for one.

@main
enum Main {
    static func main() { runFuzzer(fuzz) }
}

/// Made once: keys cost more than everything else here.
// SAFETY: used on the fuzzer's one thread.
private struct Contexts {
    let server: TLSServerContext
    let client: TLSClientContext
    let name: ServerName

    init() throws(TLSError) {
        let identity = try Identity.selfSigned(for: ["fuzz.test"])
        let roots = TrustRoots([identity.certificate])
        var server = TLSServerConfiguration(identities: [identity])
        server.applicationProtocols = ["h2", "http/1.1"]
        server.clientCertificates = .optional(roots)
        self.server = try TLSServerContext(server)
        var client = TLSClientConfiguration(trust: roots)
        client.applicationProtocols = ["http/1.1"]
        client.maxSessions = 0
        self.client = try TLSClientContext(client)
        name = try ServerName("fuzz.test")
    }
}

private let contexts: Contexts = {
    do {
        return try Contexts()
    } catch {
        fatalError("\(error)")
    }
}()

/// One input: the first byte chooses whom it is for (a fresh server, a fresh client, a server amid its handshake, either side
/// after it) and the second the size of the pieces.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 2 else { return 0 }
    // SAFETY: libFuzzer lends `count` bytes for the length of this call.
    let input = UnsafeBufferPointer(start: start, count: count)
    do {
        try feed(Array(input.dropFirst(2)), Int(input[0] % 5), piece: Int(input[1]) + 1)
    } catch {
        preconditionFailure("no engine: \(error)")
    }
    return 0
}

private func feed(_ bytes: [UInt8], _ target: Int, piece: Int) throws(TLSError) {
    let client = try TLSEngine(client: contexts.client, serverName: contexts.name)
    let server = try TLSEngine(server: contexts.server)
    var isOpen = false
    switch target {
    case 0: break
    case 1: _ = advance(client)
    case 2:
        _ = advance(client)
        carry(client, server)
    default:
        _ = advance(client)
        while carry(client, server) || carry(server, client) {}
        precondition(client.info != nil && server.info != nil, "the handshake failed")
        isOpen = true
    }
    let victim = target == 1 || target == 3 ? client : server
    var failed = false
    var start = 0
    while start < bytes.count {
        let part = Array(bytes[start..<min(start + piece, bytes.count)])
        start += part.count
        victim.receive(part.span)
        let outcome = advance(victim)
        precondition(!failed || outcome == .failed, "a failure is not final")
        failed = outcome == .failed
        precondition(victim.takeOutput().count < 65536, "too much is said")
    }
    precondition(isOpen || victim.info == nil, "a handshake was made up")
    precondition(!victim.peerClosed, "an end was made up")
    precondition(victim.endOfInput() != nil, "an end was taken for one")
}

private enum Outcome { case waiting, failed }

/// Lets an engine work on its input. Nothing that is fed here may ever be delivered.
private func advance(_ engine: TLSEngine) -> Outcome {
    while true {
        switch engine.next({ _ in preconditionFailure("made-up bytes were delivered") }) {
        case .needsInput, .closed: return .waiting
        case .handshakeDone, .delivered: continue
        case .failed: return .failed
        }
    }
}

@discardableResult
private func carry(_ from: TLSEngine, _ to: TLSEngine) -> Bool {
    let flight = from.takeOutput()
    if flight.isEmpty { return false }
    to.receive(flight.span)
    _ = advance(to)
    return true
}
