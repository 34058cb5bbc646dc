/// Where a member of etcd takes its clients' requests.
package struct EtcdEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// A name or an address, without brackets.
    package let host: String
    /// The TCP port.
    package let port: UInt16
    /// Whether TLS is spoken.
    package let isSecure: Bool

    /// Parses "http://10.0.0.1:2379", "https://etcd.example:2379", "https://[fd00::1]:2379".
    ///
    /// - Parameter text: the URL; without a port it is 2379.
    /// - Throws: `StoreError` (`invalid`).
    package init(_ text: String) throws(StoreError) {
        let wrong = StoreError(
            .invalid, "\(text.debugDescription) is no endpoint of etcd",
            fix: "write http://HOST:PORT or https://HOST:PORT")
        var rest = Substring(text)
        if rest.hasPrefix("https://") {
            isSecure = true
            rest = rest.dropFirst(8)
        } else if rest.hasPrefix("http://") {
            isSecure = false
            rest = rest.dropFirst(7)
        } else {
            throw wrong
        }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        var digits: Substring = "2379"
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
            host = String(rest[rest.index(after: rest.startIndex)..<end])
            let tail = rest[rest.index(after: end)...]
            if tail.hasPrefix(":") { digits = tail.dropFirst() } else if !tail.isEmpty { throw wrong }
        } else if let colon = rest.lastIndex(of: ":") {
            host = String(rest[..<colon])
            digits = rest[rest.index(after: colon)...]
        } else {
            host = String(rest)
        }
        let isHost = !host.isEmpty && host.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "/") }
        guard isHost, let number = UInt16(digits), number > 0 else { throw wrong }
        port = number
    }

    /// Host and port, as HTTP writes them.
    var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The URL.
    package var description: String { (isSecure ? "https://" : "http://") + authority }
}
