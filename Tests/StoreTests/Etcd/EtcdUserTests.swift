import Runtime
import Store
import TLS
import TestKit
import TestSupport
import Testing

@Suite("Users and certificates of etcd, for real", .timeLimit(.minutes(2)))
struct EtcdUserTests {
    private static let root = EtcdLogin(user: "root", password: "secret")

    /// An etcd whose root has a password, and where user `guest` may read below `/open/`.
    private func withUsers(_ flags: [String] = [], _ body: (EtcdServer) async throws -> Void) async throws {
        guard try Requirement.need("etcd", "etcdctl") else { return }
        try await withEtcd(flags) { server in
            try await server.control("user", "add", "root:secret")
            try await server.control("user", "grant-role", "root", "root")
            try await server.control("role", "add", "reader")
            try await server.control("role", "grant-permission", "reader", "--prefix=true", "read", "/open/")
            try await server.control("user", "add", "guest:guest")
            try await server.control("user", "grant-role", "guest", "reader")
            try await server.control("auth", "enable")
            try await body(server)
        }
    }

    private func configuration(_ server: EtcdServer, _ login: EtcdLogin?) -> EtcdConfiguration {
        var configuration = EtcdConfiguration(endpoints: [server.endpoint])
        configuration.login = login
        return configuration
    }

    @Test("who has a password gets in; nobody, a wrong password and a forbidden key are unauthenticated")
    func passwords() async throws {
        try await withUsers { server in
            try await withEtcdStore(configuration(server, Self.root)) { store in
                try await store.put("/open/a", "1")
                try await store.put("/secret", "1")
            }
            for login in [nil, EtcdLogin(user: "root", password: "wrong"), EtcdLogin(user: "guest", password: "guest")]
            {
                await expect(.unauthenticated) {
                    try await EtcdStore.open(self.configuration(server, login), on: TestLoops.loop)
                }
            }
        }
    }

    @Test("a token that etcd has forgotten is replaced, in a call and in a watch")
    func forgottenToken() async throws {
        try await withUsers { server in
            try await withEtcdStore(configuration(server, Self.root)) { store in
                try await store.put("/a", "1")
                let stream = try await store.watch(prefix: "/", from: 0)
                async let batches = stream.first(3)
                // Tokens are in memory alone: a restart forgets them, and both have to log in anew.
                await server.kill()
                try await server.restart()
                for value in ["2", "3", "4"] { try await store.put("/a", value) }
                #expect(try await batches.count == 3)
            }
        }
    }

    @Test("a token that ran out is replaced, in a call and in a new watch")
    func expiredToken() async throws {
        try await withUsers(["--auth-token-ttl=1"]) { server in
            try await withEtcdStore(configuration(server, Self.root)) { store in
                let lease = try await store.grantLease(ttl: .seconds(4))
                let revision = try await store.put("/n", "1", lease: lease.id)
                // The lease runs out after the token: the watch is an old one, all that follows needs a new token.
                #expect(try await store.watch(prefix: "/n", from: revision + 1).first(1).count == 1)
                #expect(try await store.watch(prefix: "/n", from: revision).first(1).count == 1)
                try await store.put("/n", "2")
            }
        }
    }

    @Test("a login that etcd does not ask for does no harm, and is there once it does")
    func unaskedLogin() async throws {
        guard try Requirement.need("etcd", "etcdctl") else { return }
        try await withEtcd { server in
            try await withEtcdStore(configuration(server, Self.root)) { store in
                try await store.put("/a", "1")
                try await server.control("user", "add", "root:secret")
                try await server.control("user", "grant-role", "root", "root")
                try await server.control("auth", "enable")
                try await store.put("/a", "2")
            }
        }
    }

    @Test("with TLS both sides prove who they are, and renewed certificates are used from the next call on")
    func certificates() async throws {
        guard try Requirement.need("etcd") else { return }
        let directory = try TemporaryDirectory("etcd-tls")
        let authority = try make("Root") { $0.isAuthority = true }
        let place = EtcdServer.Place.free()
        let server = try make("etcd", names: ["etcd.test", "127.0.0.1"]) { $0.issuer = authority }
        let client = try make("node") { $0.issuer = authority }
        let stranger = try Identity.selfSigned(for: ["stranger"])
        let flags = [
            "--cert-file=" + (try directory.write(server.chain.map(\.pem).joined(), to: "cert.pem")),
            "--key-file=" + (try directory.write(server.keyPEM, to: "key.pem")),
            "--trusted-ca-file=" + (try directory.write(authority.certificate.pem, to: "ca.pem")), "--client-cert-auth",
        ]
        let etcd = try await EtcdServer.start(flags, at: place, scheme: "https")
        let roots = TrustRoots([authority.certificate])
        var configuration = EtcdConfiguration(endpoints: [etcd.endpoint])
        await expect(.invalid) { try await EtcdStore.open(configuration, on: TestLoops.loop) }
        configuration.security = try EtcdSecurity(trust: roots, identity: client, serverName: "etcd.test")
        try await withEtcdStore(configuration) { store in
            try await store.put("/a", "1")
            await store.use(try EtcdSecurity(trust: roots, identity: client, serverName: "etcd.test"))
            #expect(try await store.text("/a") == "1")
        }
        configuration.callTimeout = .milliseconds(300)
        for (trust, identity, name) in [
            (roots, Optional(client), "other.test"), (roots, stranger, "etcd.test"), (roots, nil, "etcd.test"),
            (TrustRoots([stranger.certificate]), client, "etcd.test"),
        ] {
            configuration.security = try EtcdSecurity(trust: trust, identity: identity, serverName: name)
            let refused = configuration
            await expect(.unavailable) { try await EtcdStore.open(refused, on: TestLoops.loop) }
        }
        await etcd.stop()
    }

    private func make(
        _ subject: String, names: [String] = [], _ configure: (inout CertificateBuilder) -> Void
    ) throws -> Identity {
        var builder = CertificateBuilder(subject: subject, names: names)
        builder.validity = -3600...86_400
        configure(&builder)
        return try builder.make()
    }
}
