/// Which identities a server has for a name that a client asks for.
struct IdentityTable: Sendable {
    private var exact: [String: [Identity]] = [:]
    /// By what follows the asterisk and the dot.
    private var wildcards: [String: [Identity]] = [:]
    let refusesUnknown: Bool

    init(_ identities: [Identity], refusesUnknown: Bool) {
        self.refusesUnknown = refusesUnknown
        for identity in identities {
            for name in identity.certificate.dnsNames.map({ $0.lowercased() }) {
                if name.hasPrefix("*.") {
                    wildcards[String(name.dropFirst(2)), default: []].append(identity)
                } else {
                    exact[name, default: []].append(identity)
                }
            }
        }
    }

    /// The identities for a name; an asterisk stands for exactly one label (RFC 9525, section 6.3).
    func identities(for name: String) -> [Identity]? {
        let name = name.lowercased()
        if let found = exact[name] { return found }
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
        return wildcards[String(name[name.index(after: dot)...])]
    }
}
