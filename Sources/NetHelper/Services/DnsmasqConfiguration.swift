internal import Model
package import Network

/// dnsmasq's configuration for one managed network. Pure.
///
/// It advertises the prefix and itself as router and name server, answers `metadata` (alone and in the network's domain), and
/// nothing else: it has no way out. It logs nothing that a guest can cause without end.
package enum DnsmasqConfiguration {
    package static func text(_ plan: NetworkPlan, device: String) -> String {
        let service = plan.serviceAddress
        return """
            # network \(plan.name), number \(plan.number): written by the node at each start
            interface=\(device)
            bind-interfaces
            no-resolv
            no-hosts
            no-poll
            keep-in-foreground
            log-facility=-
            pid-file=
            domain=\(plan.domain)
            local=//
            local=/\(plan.domain)/
            local=/metadata/
            host-record=metadata,metadata.\(plan.domain),\(MetadataAddress.global)
            local-ttl=60
            enable-ra
            ra-param=\(device),mtu:\(plan.mtu),60,1800
            dhcp-range=\(plan.prefix.address),ra-only,64,86400
            dhcp-option=option6:dns-server,[\(service)]
            dhcp-option=option6:domain-search,\(plan.domain)
            leasefile-ro
            quiet-ra
            quiet-dhcp6

            """
    }

    /// The command line. The configuration comes by standard input, so that dnsmasq needs to read no directory of ours.
    static let arguments = ["--conf-file=-", "--user=", "--group="]

    /// Where distributions put it.
    static let places = ["/usr/sbin/dnsmasq", "/usr/local/sbin/dnsmasq", "/sbin/dnsmasq", "/usr/bin/dnsmasq"]
}
