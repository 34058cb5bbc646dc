internal import COpenSSL
public import Runtime

/// What the connections of a server share: its certificates, and the keys of its session tickets. For any thread.
///
/// One is enough for all loops of a process. It goes to `Server.listen` of HTTP as its security, or to
/// `TLSConnection.accept`.
public final class TLSServerContext: StreamSecurity {
    private struct Current {
        var configuration: TLSServerConfiguration
        var context: SSLContext
    }

    private let current: Locked<Current>

    /// A context of a configuration.
    ///
    /// - Parameter configuration: at least one identity, and whatever else is wanted.
    /// - Throws: `TLSError` (`badConfiguration`).
    public init(_ configuration: TLSServerConfiguration) throws(TLSError) {
        current = Locked(Current(configuration: configuration, context: try Self.context(configuration)))
    }

    /// The configuration that new connections get.
    public var configuration: TLSServerConfiguration { current.withLock { $0.configuration } }

    /// Goes over to another configuration: renewed certificates as a rule. Connections that there are go on with the former.
    ///
    /// - Parameters:
    ///   - configuration: the new one.
    ///   - keepsTickets: whether sessions begun before may be resumed. They are not in any case if what is asked of clients
    ///     has changed. False makes fresh ticket keys: do that daily, so that whoever steals one reads no older traffic.
    /// - Throws: `TLSError` (`badConfiguration`), and then nothing has changed.
    public func reload(_ configuration: TLSServerConfiguration, keepsTickets: Bool = true) throws(TLSError) {
        let context = try Self.context(configuration)
        current.withLock { current in
            if keepsTickets { Self.copyTicketKeys(current.context, context) }
            current = Current(configuration: configuration, context: context)
        }
    }

    /// The filter of an accepted stream: `TLSStream`.
    public func makeFilter() throws -> any StreamFilter { TLSStream(try TLSEngine(server: self)) }

    var snapshot: (configuration: TLSServerConfiguration, context: SSLContext) {
        current.withLock { ($0.configuration, $0.context) }
    }

    private static func context(_ configuration: TLSServerConfiguration) throws(TLSError) -> SSLContext {
        guard let first = configuration.identities.first else {
            throw TLSError(.badConfiguration, "a server needs at least one identity: certificate and key")
        }
        let context = try SSLContext(isServer: true, minimumVersion: configuration.minimumVersion)
        // Each is tried, so that one that OpenSSL refuses is noticed now and not when a client asks for it.
        let trial = try SSLContext(isServer: true, minimumVersion: configuration.minimumVersion)
        for identity in configuration.identities { try trial.use(identity) }
        // The first, and those for the same names with keys of other kinds; of one kind the last that is used counts.
        let names = first.certificate.dnsNames
        for identity in configuration.identities.reversed() where identity.certificate.dnsNames == names {
            try context.use(identity)
        }
        context.chooseIdentities(
            IdentityTable(configuration.identities, refusesUnknown: configuration.refusesUnknownNames))
        if let trust = configuration.trust {
            try context.trust(trust.roots)
            for root in trust.roots.certificates { SSL_CTX_add_client_CA(context.raw, root.raw) }
            context.verify(SSL_VERIFY_PEER | (trust.isRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0))
        }
        try context.offer(configuration.applicationProtocols)
        context.chooseProtocols()
        try setSessions(context, configuration)
        return context
    }

    /// Sessions are kept by the clients, as tickets; nothing is kept here.
    private static func setSessions(
        _ context: SSLContext, _ configuration: TLSServerConfiguration
    ) throws(TLSError) {
        _ = cossl_set_session_cache_mode(context.raw, Int(SSL_SESS_CACHE_OFF))
        guard configuration.sessionLifetime > 0 else {
            cossl_no_tickets(context.raw)
            SSL_CTX_set_num_tickets(context.raw, 0)
            return
        }
        SSL_CTX_set_timeout(context.raw, configuration.sessionLifetime)
        // A session begun under other demands on clients has another name, and is not resumed.
        var name = Array("none".utf8)
        if let trust = configuration.trust {
            name = [trust.isRequired ? 1 : 0, trust.roots.includesSystem ? 1 : 0]
            name += trust.roots.certificates.flatMap { Array($0.fingerprint.utf8) }
        }
        var digest = [UInt8](repeating: 0, count: 32)
        EVP_Digest(name, name.count, &digest, nil, EVP_sha256(), nil)
        guard SSL_CTX_set_session_id_context(context.raw, digest, 32) == 1 else { throw context.failure("sessions") }
    }

    private static func copyTicketKeys(_ old: SSLContext, _ new: SSLContext) {
        let size = cossl_ticket_keys_size(old.raw)
        var keys = [UInt8](repeating: 0, count: Int(size))
        if cossl_get_ticket_keys(old.raw, &keys, size) == 1 { _ = cossl_set_ticket_keys(new.raw, &keys, size) }
        OPENSSL_cleanse(&keys, keys.count)
    }
}
