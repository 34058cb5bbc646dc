internal import Runtime

extension EtcdClient {
    /// How long a new connection may take to name the members.
    private static let membersPatience = Duration.seconds(1)

    /// Asks a new connection for the cluster's members, which stand in from now on.
    ///
    /// A member may advertise a URL that means something else from here (Debian's etcd says `localhost`): whoever answers there
    /// and was not configured must be of the same cluster.
    ///
    /// - Parameter link: the connection, not used for anything else yet.
    /// - Returns: false for a connection to another cluster that nobody configured.
    func isMember(_ link: EtcdLink) async -> Bool {
        let isConfigured = pool.isConfigured(link.endpoint)
        guard let frame = try? GRPCMethod<EtcdMemberListRequest, EtcdMemberListResponse>.frame(EtcdMemberListRequest())
        else { return isConfigured }
        do throws(GRPCFailure) {
            let list: EtcdMemberListResponse = try await answer(
                EtcdMethods.members.path, frame, on: link, token, until: loop.now + Self.membersPatience,
                Manner(effect: .repeatable))
            let known = answers.withLock { $0.cluster }
            guard known == nil || known == list.header.clusterID else { return isConfigured }
            pool.follow(list.members.filter { !$0.isLearner }.flatMap { endpoints(of: $0) })
            return true
        } catch {
            // The list is a convenience: what is wrong shows in the calls.
            return isConfigured
        }
    }

    private func endpoints(of member: EtcdMember) -> [EtcdEndpoint] {
        member.clientUrls.compactMap { try? EtcdEndpoint($0) }.filter { !$0.isSecure || security != nil }
    }
}
