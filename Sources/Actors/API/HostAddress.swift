internal import Glibc

/// An address of an interface in the daemon's own network namespace, which is the host's: the first one that is not
/// link-local; nil where there is none, or no such interface.
package func hostAddress(of interface: String) -> String? {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return nil }
    defer { freeifaddrs(list) }
    for entry in sequence(first: list, next: { $0?.pointee.ifa_next }) {
        guard let entry = entry?.pointee, String(cString: entry.ifa_name) == interface, let address = entry.ifa_addr
        else { continue }
        let family = CInt(address.pointee.sa_family)
        guard family == AF_INET || family == AF_INET6 else { continue }
        let length = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        guard
            getnameinfo(address, socklen_t(length), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
        else { continue }
        let shown = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if !shown.hasPrefix("fe80:") { return shown }
    }
    return nil
}
