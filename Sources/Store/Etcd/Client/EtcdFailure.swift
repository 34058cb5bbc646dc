/// What a call does to the store, which decides what its failure means.
package enum EtcdEffect: Sendable {
    /// Nothing: it may be asked again, of anybody.
    case read
    /// The same if done twice.
    case repeatable
    /// Something that must not be done twice.
    case write
}

/// What becomes of a call that failed.
package enum EtcdVerdict: Sendable {
    /// It is over.
    case fail(StoreError)
    /// It certainly did not happen, or may happen twice: it is sent again, to another member if there is one.
    case retry(StoreError)
    /// The token is not good any more: it is sent again with a new one.
    case authenticate(StoreError)
}

/// Judges failures: the one place that knows what etcd's statuses mean. Pure.
///
/// etcd tells many failures apart by their words only, which its own clients compare too (its package `rpctypes`; they are
/// part of its interface). Whatever is not known here counts as the worst it can be: a write's outcome is unknown then.
package enum EtcdFailure {
    /// etcd answers so before it has done anything: no leader known, no room in its queue, no voting member.
    private static let notBegun: Set<String> = [
        "etcdserver: no leader", "etcdserver: too many requests", "etcdserver: rpc not supported for learner",
    ]
    private static let badToken: Set<String> = [
        "etcdserver: invalid auth token", "etcdserver: revision of auth store is old",
    ]
    /// What Authenticate says where nobody has to.
    static let noAuthentication = "etcdserver: authentication is not enabled"
    private static let noUser = "etcdserver: user name is empty"
    private static let tooLarge: Set<String> = [
        "etcdserver: request is too large", "etcdserver: too many operations in txn request",
    ]

    /// Judges one failure.
    ///
    /// - Parameters:
    ///   - failure: what happened.
    ///   - effect: what the call does.
    ///   - endpoint: who was asked, for the message.
    ///   - hasLogin: whether there is a user to authenticate anew.
    /// - Returns: what becomes of the call.
    package static func judge(
        _ failure: GRPCFailure, _ effect: EtcdEffect, endpoint: String, hasLogin: Bool
    ) -> EtcdVerdict {
        switch failure {
        case .refused: return .retry(unavailable(failure, endpoint))
        case .status(let status): return judge(status, effect, endpoint: endpoint, hasLogin: hasLogin)
        case .oversized:
            return .fail(StoreError(.tooLarge, "etcd's answer is longer than this client takes", cause: endpoint))
        case .malformed where effect != .write:
            return .retry(unavailable(failure, endpoint))
        case .malformed, .lost, .deadline, .cancelled: return uncertain(failure, effect, endpoint)
        }
    }

    private static func judge(
        _ status: GRPCStatus, _ effect: EtcdEffect, endpoint: String, hasLogin: Bool
    ) -> EtcdVerdict {
        let text = status.message
        let failure = GRPCFailure.status(status)
        if badToken.contains(text) || text == noUser && hasLogin {
            let error = StoreError(.unauthenticated, "etcd does not accept the login", cause: text)
            return hasLogin ? .authenticate(error) : .fail(error)
        }
        if notBegun.contains(text) { return .retry(unavailable(failure, endpoint)) }
        if tooLarge.contains(text) {
            return .fail(StoreError(.tooLarge, "etcd refuses the request", fix: "make its values smaller", cause: text))
        }
        switch status.code {
        case .unauthenticated, .permissionDenied: return .fail(unauthenticated(text))
        case .invalidArgument where text == noUser || text.hasPrefix("etcdserver: authentication failed"):
            return .fail(unauthenticated(text))
        case .invalidArgument, .alreadyExists, .unimplemented:
            return .fail(StoreError(.invalid, "etcd refuses the request", cause: text))
        case .notFound: return .fail(StoreError(.leaseGone, "etcd does not know the lease", cause: text))
        case .outOfRange:
            let isCompacted = text.hasSuffix("has been compacted")
            return .fail(StoreError(isCompacted ? .compacted : .invalid, "the revision can't be had", cause: text))
        case .resourceExhausted where text.hasSuffix("database space exceeded"):
            return .fail(
                StoreError(.full, "etcd is full", fix: "compact and defragment it, then disarm its alarm", cause: text))
        case .resourceExhausted:
            return .fail(StoreError(.tooLarge, "etcd refuses the request", fix: "make its values smaller", cause: text))
        case .dataLoss: return .fail(StoreError(.corrupt, "etcd's data differ between its members", cause: text))
        case .failedPrecondition: return .fail(StoreError(.unavailable, "etcd refuses the request", cause: text))
        case .ok, .cancelled, .unknown, .deadlineExceeded, .aborted, .internal, .unavailable:
            return uncertain(failure, effect, endpoint)
        }
    }

    /// It may have happened.
    private static func uncertain(_ failure: GRPCFailure, _ effect: EtcdEffect, _ endpoint: String) -> EtcdVerdict {
        guard effect == .write else { return .retry(unavailable(failure, endpoint)) }
        return .fail(
            StoreError(
                .unknownOutcome, "it is not known whether etcd at \(endpoint) has done it",
                fix: "read before trying again", cause: failure.description))
    }

    static func unavailable(_ cause: any Error, _ endpoint: String) -> StoreError {
        StoreError(.unavailable, "etcd at \(endpoint) can't be used now", cause: "\(cause)")
    }

    static func unauthenticated(_ cause: String) -> StoreError {
        StoreError(
            .unauthenticated, "etcd refuses this user", fix: "check user, password and role: etcdctl user get USER",
            cause: cause)
    }
}
