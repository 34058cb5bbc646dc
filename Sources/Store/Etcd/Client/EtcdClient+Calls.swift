internal import Runtime
internal import SwiftProtobuf

/// An answer with etcd's header.
protocol EtcdAnswer: Message {
    var header: EtcdResponseHeader { get }
}

extension EtcdRangeResponse: EtcdAnswer {}
extension EtcdTxnResponse: EtcdAnswer {}
extension EtcdCompactionResponse: EtcdAnswer {}
extension EtcdLeaseGrantResponse: EtcdAnswer {}
extension EtcdLeaseRevokeResponse: EtcdAnswer {}
extension EtcdLeaseKeepAliveResponse: EtcdAnswer {}
extension EtcdMemberListResponse: EtcdAnswer {}
extension EtcdAuthenticateResponse: EtcdAnswer {}
extension EtcdWatchResponse: EtcdAnswer {}

extension EtcdClient {
    /// The longest answer that is taken to a call that does not say otherwise.
    static let maxMessage = 64 << 20
    /// How often a call authenticates anew before it believes etcd.
    private static let maxLogins = 2

    /// How a call is made.
    struct Manner: Sendable {
        var effect: EtcdEffect
        /// Whether the answer must be no older than any answer before it.
        var isLinearizable = false
        var maxMessage = EtcdClient.maxMessage
    }

    /// Makes a call that has one answer, on whichever member answers.
    ///
    /// - Parameters:
    ///   - method: what is called.
    ///   - request: with what.
    ///   - manner: what it does, and what the answer must be.
    /// - Returns: the answer, whose header was found to be in order.
    /// - Throws: `StoreError`; `CancellationError` for a read whose task is cancelled. A write is not given up by that.
    func call<Request: Message, Response: EtcdAnswer>(
        _ method: GRPCMethod<Request, Response>, _ request: Request, _ manner: Manner
    ) async throws -> Response {
        try began()
        defer { ended() }
        let frame = try GRPCMethod<Request, Response>.frame(request)
        let deadline = loop.now + configuration.callTimeout
        var logins = 0
        while true {
            let link = try await connected(until: deadline, heedsCancellation: manner.effect == .read)
            var token: String?
            do throws(GRPCFailure) {
                token = try await validToken(on: link, until: deadline)
                if manner.effect == .write, !link.isVerified { try await verify(link, token, until: deadline) }
            } catch {
                // Of the call itself nothing was sent yet.
                try await settle(error, .read, link, token, until: deadline, &logins)
                continue
            }
            if let refusal = link.refusal { throw refusal }
            let floor = manner.isLinearizable ? answers.withLock { $0.highest } : nil
            let response: Response
            do throws(GRPCFailure) {
                response = try await answer(method.path, frame, on: link, token, until: deadline, manner)
            } catch {
                try await settle(error, manner.effect, link, token, until: deadline, &logins)
                continue
            }
            pool.succeeded(link.endpoint)
            try check(response.header, floor: floor, on: link)
            return response
        }
    }

    /// Holds an answer's header against those before.
    func check(_ header: EtcdResponseHeader, floor: Int64?, on link: EtcdLink) throws(StoreError) {
        do throws(StoreError) {
            try answers.withLock { answers throws(StoreError) in
                try answers.take(cluster: header.clusterID, revision: header.revision, floor: floor)
            }
            if floor != nil { link.isVerified = true }
        } catch {
            link.refusal = error
            abandon(link)
            throw error
        }
    }

    /// Reads by a new connection before anything is written by it: a foreign or an older store shows before it is changed. What
    /// is wrong is in `link.refusal` then.
    private func verify(_ link: EtcdLink, _ token: String?, until deadline: Duration) async throws(GRPCFailure) {
        let floor = answers.withLock { $0.highest }
        let frame: [UInt8]
        do {
            frame = try GRPCMethod<EtcdRangeRequest, EtcdRangeResponse>.frame(.probe(revision: 0))
        } catch {
            throw .malformed("\(error)")
        }
        let response: EtcdRangeResponse = try await answer(
            EtcdMethods.range.path, frame, on: link, token, until: deadline, Manner(effect: .repeatable))
        try? check(response.header, floor: floor, on: link)
    }

    func answer<Response: EtcdAnswer>(
        _ path: HTTP2Field, _ frame: [UInt8], on link: EtcdLink, _ token: String?, until deadline: Duration,
        _ manner: Manner
    ) async throws(GRPCFailure) -> Response {
        let bytes = try await attempt(path, frame, on: link, token, until: deadline, manner)
        do {
            return try Response(serializedBytes: bytes)
        } catch {
            throw .malformed("\(error)")
        }
    }

    private func attempt(
        _ path: HTTP2Field, _ frame: [UInt8], on link: EtcdLink, _ token: String?, until deadline: Duration,
        _ manner: Manner
    ) async throws(GRPCFailure) -> [UInt8] {
        var timeout = max(deadline - loop.now, .milliseconds(1))
        if manner.effect != .write, pool.endpoints.count > 1 { timeout = min(timeout, configuration.attemptTimeout) }
        let metadata = link.metadata(token: token, timeout: timeout)
        let call = try GRPCCall(
            path, metadata, frame: frame, ends: true, on: link.connection, maxMessage: manner.maxMessage)
        guard manner.effect == .read else { return try await call.answer(heedsCancellation: false) }
        register(call)
        defer { unregister(call) }
        return try await call.answer(heedsCancellation: true)
    }

    /// Returns if the call is to be sent again, after a pause where one is due; throws if it is over.
    private func settle(
        _ failure: GRPCFailure, _ effect: EtcdEffect, _ link: EtcdLink, _ token: String?, until deadline: Duration,
        _ logins: inout Int
    ) async throws {
        if failure == .cancelled, effect == .read {
            if isClosed { throw StoreError.closed }
            throw CancellationError()
        }
        let hasLogin = configuration.login != nil
        switch EtcdFailure.judge(failure, effect, endpoint: link.endpoint.description, hasLogin: hasLogin) {
        case .fail(let error):
            if error.code == .unknownOutcome { abandon(link) }
            throw error
        case .authenticate(let error):
            logins += 1
            if logins > Self.maxLogins { throw error }
            forget(token)
        case .retry(let error):
            if loop.now >= deadline {
                if failure == .deadline { abandon(link) }
                throw error
            }
            await leave(link, after: failure)
        }
    }

    /// Before a call is sent again: elsewhere, if there is an elsewhere, else after a moment.
    func leave(_ link: EtcdLink, after failure: GRPCFailure) async {
        switch failure {
        case .refused where !link.connection.isUsable: break
        case .status where pool.endpoints.count == 1: await pause()
        default: abandon(link)
        }
    }

    /// A moment, whatever becomes of the task: what was begun is not given up by its cancellation.
    func pause() async {
        let ticket = Ticket<Void>()
        loop.schedule(after: EndpointPool.firstPause) { ticket.settle(.success(())) }
        try? await ticket.value()
    }
}

// MARK: The user

extension EtcdClient {
    /// The token to go along with a call; nil where no user is configured or etcd asks for none.
    func validToken(on link: EtcdLink, until deadline: Duration) async throws(GRPCFailure) -> String? {
        guard let user = configuration.login, !isLoginUnasked else { return nil }
        if let token { return token }
        let task =
            login ?? spawn(on: loop, "etcd.login") { try await self.authenticate(user, on: link, until: deadline) }
        login = task
        defer { if login == task { login = nil } }
        do {
            return try await task.value
        } catch let failure as GRPCFailure {
            throw failure
        } catch {
            throw .lost("\(error)")
        }
    }

    /// The token is not good any more, unless there is a newer one by now.
    func forget(_ old: String?) {
        guard token == old else { return }
        token = nil
        isLoginUnasked = false
    }

    private func authenticate(_ user: EtcdLogin, on link: EtcdLink, until deadline: Duration) async throws -> String? {
        var request = EtcdAuthenticateRequest()
        request.name = user.user
        request.password = user.password
        let frame = try GRPCMethod<EtcdAuthenticateRequest, EtcdAuthenticateResponse>.frame(request)
        do throws(GRPCFailure) {
            let response: EtcdAuthenticateResponse = try await answer(
                EtcdMethods.authenticate.path, frame, on: link, nil, until: deadline, Manner(effect: .repeatable))
            token = response.token
            return response.token
        } catch {
            guard case .status(let status) = error, status.message == EtcdFailure.noAuthentication else { throw error }
            isLoginUnasked = true
            return nil
        }
    }
}
