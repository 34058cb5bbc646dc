internal import COpenSSL

/// One side of a TLS connection without any I/O: bytes from the peer go in by `receive`, what has to be sent comes out by
/// `takeOutput`, and `next` says what happened.
///
/// ```
/// handshaking --handshakeDone--> open --closed (the peer's close_notify)--> half-closed
///      \-------------failed---------\-----------failed-----------\--> failed, for good
/// ```
/// After each call there may be output. One thread at a time may use it; nothing in it waits.
public final class TLSEngine {
    // SAFETY: `ssl` is owned from init to deinit. Its app data refers to this object unretained, for callbacks that come only
    // within calls of this object's.

    /// What happened.
    public enum Event: Sendable {
        /// Nothing can happen until more bytes come.
        case needsInput
        /// The peer is who it should be: from here on there is `info`, and `write` may be called.
        case handshakeDone
        /// The closure got bytes.
        case delivered
        /// The peer will send no more (close_notify). Writing goes on.
        case closed
        /// The connection is over. The output may hold an alert that tells the peer.
        case failed(TLSError)
    }

    /// The largest piece that `next` delivers: a record's limit, RFC 8446, section 5.1.
    static let maxPiece = 16384

    /// What was agreed upon, after `handshakeDone`.
    public private(set) var info: TLSSessionInfo?
    /// Whether the peer said that it will send no more.
    public private(set) var peerClosed = false

    let context: SSLContext
    let isServer: Bool
    let buffers = RecordBuffers()
    let ssl: OpaquePointer
    /// What is kept for later connections, and under which name; nil where nothing is.
    var sessionPlace: (cache: SessionCache, server: String)?
    private var expected: ServerName?
    private let requiresProtocol: Bool
    private var failure: TLSError?
    private var verification: VerificationFailure?
    private var unknownName: String?
    private var sentClose = false

    /// The server's side of a fresh connection.
    ///
    /// - Parameter server: the certificates and the rest.
    /// - Throws: `TLSError` (`badConfiguration`) when there is no memory.
    public convenience init(server: TLSServerContext) throws(TLSError) {
        let (configuration, context) = server.snapshot
        try self.init(context, isServer: true, requiresProtocol: configuration.requiresApplicationProtocol)
        SSL_set_accept_state(ssl)
    }

    /// The client's side of a fresh connection; its first message is there to be sent after the first `next`.
    ///
    /// - Parameters:
    ///   - client: trust roots and the rest.
    ///   - name: whom the server has to be.
    ///   - place: what tells servers of one name apart, where sessions are resumed: the address, say.
    /// - Throws: `TLSError` (`badConfiguration`).
    public convenience init(
        client: TLSClientContext, serverName name: ServerName, place: String = ""
    ) throws(TLSError) {
        let required = client.configuration.requiresApplicationProtocol
        try self.init(client.context, isServer: false, requiresProtocol: required)
        expected = name
        sessionPlace = client.sessions.map { ($0, "\(name.text) \(place)") }
        try setUpClient(name)
    }

    private init(_ context: SSLContext, isServer: Bool, requiresProtocol: Bool) throws(TLSError) {
        ERR_clear_error()
        guard let ssl = SSL_new(context.raw) else { throw context.failure("a connection") }
        guard let bio = buffers.makeBIO() else {
            SSL_free(ssl)
            throw context.failure("a connection")
        }
        // Both directions are one BIO, of which one reference is taken.
        SSL_set_bio(ssl, bio, bio)
        self.ssl = ssl
        self.context = context
        self.isServer = isServer
        self.requiresProtocol = requiresProtocol
        cossl_set_app_data(ssl, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        // OpenSSL takes a session whose connection was cut for broken; TLS has not asked for that since 1.1.
        if failure == nil, info != nil { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        SSL_free(ssl)
    }

    static func of(_ ssl: OpaquePointer?) -> TLSEngine? {
        ssl.flatMap { cossl_app_data($0) }.map { Unmanaged<TLSEngine>.fromOpaque($0).takeUnretainedValue() }
    }

    private func setUpClient(_ name: ServerName) throws(TLSError) {
        SSL_set_connect_state(ssl)
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        let isSet =
            name.isAddress
            ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.text) == 1
            : SSL_set1_host(ssl, name.text) == 1 && cossl_set_server_name(ssl, name.text) == 1
        guard isSet else { throw context.failure("the name \(name)") }
        // Alone among OpenSSL's functions this one returns 0 for success.
        let protocols = context.protocols
        guard protocols.isEmpty || SSL_set_alpn_protos(ssl, protocols, UInt32(protocols.count)) == 0 else {
            throw context.failure("application protocols")
        }
        if let session = sessionPlace.flatMap({ $0.cache.take($0.server) }) { SSL_set_session(ssl, session.raw) }
    }

    // MARK: - The wire

    /// Takes bytes from the peer; `next` looks at them.
    public func receive(_ bytes: Span<UInt8>) {
        if failure == nil { buffers.receive(bytes) }
    }

    /// Whether bytes have come that `next` has not made anything of yet.
    public var hasInput: Bool { failure == nil && (buffers.inputCount > 0 || SSL_pending(ssl) > 0) }

    /// Takes what has to be sent to the peer, in this order.
    public func takeOutput() -> [UInt8] { buffers.takeOutput() }

    /// The peer sends no more bytes.
    ///
    /// - Returns: what is wrong with that; nil if it had announced it.
    public func endOfInput() -> TLSError? {
        if peerClosed { return nil }
        if let failure { return failure }
        let words =
            info == nil
            ? "the connection ended during the handshake"
            : "the connection ended without the peer's close_notify: what was received may not be all"
        return fail(TLSError(.truncated, words))
    }

    // MARK: - Events

    /// Goes on as far as to the next event.
    ///
    /// - Parameter deliver: gets the peer's next bytes, at most 16 KiB; called at most once, right before this returns. It may
    ///   write.
    /// - Returns: what happened.
    public func next(_ deliver: (Span<UInt8>) -> Void) -> Event {
        if let failure { return .failed(failure) }
        if peerClosed { return .closed }
        ERR_clear_error()
        guard info != nil else { return shakeHands() }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.maxPiece) { buffer in
            var count = 0
            let result = SSL_read_ex(ssl, buffer.baseAddress, buffer.count, &count)
            guard result == 1 else { return outcome(result) }
            // SAFETY: OpenSSL has just filled the first `count` bytes.
            deliver(UnsafeBufferPointer(rebasing: buffer[..<count]).span)
            return .delivered
        }
    }

    private func shakeHands() -> Event {
        let result = SSL_do_handshake(ssl)
        guard result == 1 else { return outcome(result) }
        let info = SessionReading.info(of: ssl, isServer: isServer)
        if requiresProtocol, info.applicationProtocol == nil {
            let peer = isServer ? "the client asks for" : "the server chose"
            return .failed(fail(TLSError(.noCommonProtocol, "\(peer) no application protocol (ALPN)")))
        }
        self.info = info
        return .handshakeDone
    }

    private func outcome(_ result: Int32) -> Event {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .needsInput
        case SSL_ERROR_ZERO_RETURN where info == nil:
            // Anybody on the way could say so, nothing being authentic yet.
            return .failed(fail(TLSError(.truncated, "the peer ended the connection during the handshake")))
        case SSL_ERROR_ZERO_RETURN:
            peerClosed = true
            buffers.dropInput()
            return .closed
        default: return .failed(fail(cause(OpenSSLFailure.take())))
        }
    }

    private func cause(_ failure: OpenSSLFailure) -> TLSError {
        if failure.library == ERR_LIB_SSL {
            if failure.reason == SSL_R_CERTIFICATE_VERIFY_FAILED, let verification {
                return verification.error(expected: expected?.text, isServer: isServer)
            }
            if let unknownName {
                return TLSError(.unknownName, "the client asks for \(unknownName), which no certificate here has")
            }
        }
        return failure.error(isServer: isServer)
    }

    @discardableResult
    private func fail(_ error: TLSError) -> TLSError {
        failure = error
        buffers.dropInput()
        return error
    }

    // MARK: - Writing

    /// Encrypts bytes into the output. After `handshakeDone`.
    ///
    /// - Parameter bytes: what to send.
    /// - Throws: `TLSError`: `closed` before the handshake and after `close`, or the connection's failure.
    public func write(_ bytes: UnsafeBufferPointer<UInt8>) throws(TLSError) {
        if let failure { throw failure }
        guard info != nil, !sentClose else { throw TLSError(.closed, "nothing can be sent now") }
        if bytes.isEmpty { return }
        ERR_clear_error()
        var count = 0
        let result = SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count)
        // The output takes everything, so that there is no partial success.
        guard result == 1, count == bytes.count else { throw fail(cause(OpenSSLFailure.take())) }
    }

    /// Puts close_notify into the output: the peer gets no more. Reading goes on. Any number of times.
    public func close() {
        guard info != nil, failure == nil, !sentClose else { return }
        sentClose = true
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
    }

    // MARK: - What OpenSSL's callbacks tell

    func verificationFailed(_ failure: VerificationFailure) { verification = failure }

    /// Has the connection use the certificates for the name that the client asks for; false to refuse it.
    func chooseIdentity() -> Bool {
        // SAFETY: OpenSSL keeps the name, which ends with a zero, for the length of the handshake.
        guard let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map({ String(cString: $0) }),
            let table = context.table
        else { return true }
        guard let identities = table.identities(for: name) else {
            if table.refusesUnknown { unknownName = name.debugDescription }
            return !table.refusesUnknown
        }
        // Otherwise a default certificate with a key of another kind would still be there to be chosen.
        SSL_certs_clear(ssl)
        return identities.reversed().allSatisfy { identity in
            identity.withIntermediates {
                cossl_use_identity(ssl, identity.certificate.raw, identity.key, $0) == 1
            }
        }
    }

    /// Keeps a session to be resumed; false where nothing is kept.
    func keep(_ session: OpaquePointer) -> Bool {
        guard let sessionPlace else { return false }
        sessionPlace.cache.give(sessionPlace.server, Session(owning: session))
        return true
    }
}
