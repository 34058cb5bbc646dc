package import TLS

/// How a store reaches etcd.
package struct EtcdConfiguration: Sendable {
    /// The members' client URLs: `http://HOST:PORT` or `https://HOST:PORT`; one is used at a time, the others stand in.
    package var endpoints: [String]
    /// Whether the members that the cluster itself names stand in, too, by the client URLs that they advertise.
    package var followsMembers = true
    /// What https endpoints are spoken to with; needed where there are any.
    package var security: EtcdSecurity?
    /// Who this is, where etcd asks for that.
    package var login: EtcdLogin?
    /// The identity of the data (`Store.clusterID`) that must answer; nil for whichever does.
    package var clusterID: String?
    /// The highest revision that was seen earlier: an older store is refused.
    package var seenRevision: Int64 = 0
    /// How long a call may take altogether.
    package var callTimeout = Duration.seconds(5)
    /// How long a read waits for one member before it asks another.
    package var attemptTimeout = Duration.seconds(2)
    /// How long a connect may take, with the handshake of TLS and the server's greeting.
    package var connectTimeout = Duration.seconds(2)
    /// How long a watch may be without etcd before it ends with `unavailable`.
    package var watchPatience = Duration.seconds(10)
    /// How long nothing may come from a member that has something to do before it is asked whether it is there. etcd cuts who
    /// asks more often than every 5 s, unless told otherwise.
    package var pingInterval = Duration.seconds(10)
    /// How long it may take to say so.
    package var pingPatience = Duration.seconds(5)

    /// The defaults.
    package init(endpoints: [String]) { self.endpoints = endpoints }
}

/// The name and password of a user of etcd.
package struct EtcdLogin: Sendable, CustomStringConvertible {
    /// The user's name.
    package var user: String
    /// The password: a secret.
    package var password: String

    /// Takes both.
    package init(user: String, password: String) {
        self.user = user
        self.password = password
    }

    /// The user; never the password.
    package var description: String { user }
}

/// What TLS connections to etcd are made with.
package struct EtcdSecurity: Sendable {
    let context: TLSClientContext
    let serverName: String?

    /// Makes what the connections share. Where the system's authorities count it reads files: not on a loop.
    ///
    /// - Parameters:
    ///   - trust: what the members' certificates must lead to.
    ///   - identity: what this client proves itself by, where etcd asks for a certificate.
    ///   - serverName: the name that the members' certificates must have; nil for each endpoint's own host.
    /// - Throws: `TLSError` (`badConfiguration`).
    package init(trust: TrustRoots, identity: Identity? = nil, serverName: String? = nil) throws {
        var configuration = TLSClientConfiguration(trust: trust)
        configuration.identity = identity
        configuration.applicationProtocols = ["h2"]
        configuration.requiresApplicationProtocol = true
        context = try TLSClientContext(configuration)
        self.serverName = serverName
    }
}
