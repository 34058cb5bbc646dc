import Store
import Testing

@Suite("What etcd's failures mean")
struct EtcdFailureTests {
    /// "retry", "login", or the error's code.
    private func verdict(_ failure: GRPCFailure, _ effect: EtcdEffect, hasLogin: Bool = true) -> String {
        switch EtcdFailure.judge(failure, effect, endpoint: "e", hasLogin: hasLogin) {
        case .retry: "retry"
        case .authenticate: "login"
        case .fail(let error): error.code.rawValue
        }
    }

    private static func status(_ code: GRPCStatus.Code, _ message: String) -> GRPCFailure {
        .status(GRPCStatus(code: code, message: "etcdserver: " + message))
    }

    @Test("a write that may have happened has an unknown outcome; a read is asked again")
    func uncertain() {
        let failures: [GRPCFailure] = [
            .lost("reset"), .deadline, .cancelled, .malformed("x"), Self.status(.unavailable, "leader changed"),
            Self.status(.unavailable, "request timed out"), Self.status(.unavailable, "server stopped"),
            Self.status(.unavailable, "request timed out, possibly due to previous leader failure"),
            .status(GRPCStatus(code: .deadlineExceeded, message: "context deadline exceeded")),
            .status(GRPCStatus(code: .cancelled, message: "context canceled")),
            .status(GRPCStatus(code: .unknown, message: "")), .status(GRPCStatus(code: .internal, message: "")),
        ]
        for failure in failures {
            #expect(verdict(failure, .write) == "unknown-outcome", "\(failure)")
            #expect(verdict(failure, .read) == "retry", "\(failure)")
            #expect(verdict(failure, .repeatable) == "retry", "\(failure)")
        }
    }

    @Test("what has certainly not happened is sent again")
    func notBegun() {
        let failures: [GRPCFailure] = [
            .refused, Self.status(.unavailable, "no leader"), Self.status(.resourceExhausted, "too many requests"),
        ]
        for failure in failures { #expect(verdict(failure, .write) == "retry", "\(failure)") }
    }

    @Test("a token that is not good any more is replaced, by whoever can")
    func tokens() {
        for failure in [
            Self.status(.unauthenticated, "invalid auth token"),
            Self.status(.invalidArgument, "revision of auth store is old"),
            Self.status(.invalidArgument, "user name is empty"),
        ] {
            #expect(verdict(failure, .write) == "login")
            #expect(verdict(failure, .write, hasLogin: false) == "unauthenticated")
        }
    }

    @Test("what etcd refuses has its code", arguments: [EtcdEffect.read, .repeatable, .write])
    func refused(effect: EtcdEffect) {
        let cases: [(GRPCFailure, String)] = [
            (Self.status(.invalidArgument, "request is too large"), "too-large"),
            (
                .status(GRPCStatus(code: .resourceExhausted, message: "grpc: received message larger than max")),
                "too-large"
            ),
            (Self.status(.resourceExhausted, "mvcc: database space exceeded"), "full"),
            (Self.status(.notFound, "requested lease not found"), "lease-gone"),
            (Self.status(.outOfRange, "mvcc: required revision has been compacted"), "compacted"),
            (Self.status(.outOfRange, "mvcc: required revision is a future revision"), "invalid"),
            (Self.status(.invalidArgument, "duplicate key given in txn request"), "invalid"),
            (Self.status(.permissionDenied, "permission denied"), "unauthenticated"),
            (Self.status(.invalidArgument, "authentication failed, invalid user ID or password"), "unauthenticated"),
            (Self.status(.dataLoss, "corrupt cluster"), "corrupt"), (.oversized, "too-large"),
        ]
        for (failure, code) in cases { #expect(verdict(failure, effect) == code, "\(failure)") }
    }
}
