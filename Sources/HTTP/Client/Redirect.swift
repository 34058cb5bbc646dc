internal import HTTPTypes
internal import Runtime

/// Where a redirect leads: RFC 9110, section 15.4.
enum Redirect {
    /// The next request and its origin; nil if the answer is to be returned as it came.
    static func next(
        _ request: ClientRequest, _ response: ClientResponse, from origin: Origin, _ policy: RedirectPolicy
    ) async throws -> (ClientRequest, Origin)? {
        guard let location = response.fields[.location], var next = request.redirected(by: response.status),
            let target = Target(location, relativeTo: request.path)
        else { return nil }
        next.path = target.path
        guard let authority = target.authority, authority.lowercased() != origin.host.lowercased() else {
            return (next, origin)
        }
        guard let (host, port) = split(authority), let resolve = policy.resolve,
            let address = try await resolve(host, port)
        else { return nil }
        for name in [HTTPField.Name.authorization, .cookie, .proxyAuthorization] { next.fields[name] = nil }
        // It named the former host, if it was given at all.
        next.fields[HTTPField.Name.hostField] = nil
        return (next, Origin(address: address, host: authority))
    }

    /// Host, without brackets, and port of an authority.
    private static func split(_ authority: String) -> (String, UInt16)? {
        let bytes = Array(authority.utf8)
        guard Authority.isValid(bytes.span, 0..<bytes.count) else { return nil }
        let end = authority.lastIndex(of: "]").map { authority.index(after: $0) } ?? authority.firstIndex(of: ":")
        let host = authority[..<(end ?? authority.endIndex)]
        let rest = authority[host.endIndex...].dropFirst()
        guard rest.isEmpty || UInt16(rest) != nil else { return nil }
        return (String(host.filter { $0 != "[" && $0 != "]" }), UInt16(rest) ?? 80)
    }

    /// A URI reference, resolved as RFC 3986, section 5.2, says, for `http` alone.
    struct Target: Equatable {
        /// Host and port; nil for the same.
        var authority: String?
        /// Path and query.
        var path: String

        init?(_ reference: String, relativeTo base: String) {
            guard reference.utf8.allSatisfy({ $0 == 0x23 || ByteClass.target.contains($0) }) else { return nil }
            let text = reference.prefix { $0 != "#" }
            var rest = text
            if text.lowercased().hasPrefix("http://") {
                rest = text.dropFirst(7)
            } else if text.hasPrefix("//") {
                rest = text.dropFirst(2)
            } else {
                // Another scheme, and not just a colon inside a relative path's query.
                if text.prefix(while: { !"/?".contains($0) }).contains(":") { return nil }
                path = Self.resolve(text, against: base)
                return
            }
            let host = rest.prefix { $0 != "/" && $0 != "?" }
            let bytes = Array(host.utf8)
            guard Authority.isValid(bytes.span, 0..<bytes.count) else { return nil }
            authority = String(host)
            path = Self.resolve(rest[host.endIndex...], against: "/")
        }

        private static func resolve(_ reference: Substring, against base: String) -> String {
            let basePath = base.prefix { $0 != "?" }
            if reference.isEmpty { return base }
            if reference.first == "?" { return String(basePath + reference) }
            let path = reference.prefix { $0 != "?" }
            let query = reference[path.endIndex...]
            if path.first == "/" { return withoutDots(path) + query }
            let folder = basePath[...(basePath.lastIndex(of: "/") ?? basePath.startIndex)]
            return withoutDots(folder + path) + query
        }

        private static func withoutDots(_ path: Substring) -> String {
            let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            var kept: [Substring] = []
            for (index, part) in parts.enumerated() {
                switch part {
                case "..": _ = kept.popLast()
                case ".": break
                default:
                    kept.append(part)
                    continue
                }
                if index == parts.count - 1 { kept.append("") }
            }
            return "/" + kept.joined(separator: "/")
        }
    }
}

extension ClientRequest {
    /// The request that follows an answer of this status, its target aside; nil if none does.
    fileprivate func redirected(by status: Int) -> ClientRequest? {
        var next = self
        switch status {
        case 301, 302:
            guard ["GET", "HEAD", "POST"].contains(method) else { return nil }
            if method == "POST" { next.becomeGet() }
        case 303: if method != "HEAD" { next.becomeGet() }
        case 307, 308: if stream != nil { return nil }
        default: return nil
        }
        return next
    }

    private mutating func becomeGet() {
        method = "GET"
        body = []
        stream = nil
        for name in [HTTPField.Name.contentType, .contentEncoding, .contentLanguage, .contentLocation, .expect] {
            fields[name] = nil
        }
    }
}
