internal import CLinux
internal import Glibc

/// Tells the service manager how the daemon stands (sd_notify's protocol: one datagram, lines of assignments), where
/// there is one that asked for it.
struct ServiceNotifier: Sendable {
    private let path: String?

    init(environment: [String: String]) {
        path = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Best effort: a service manager that is gone changes nothing.
    func notify(_ state: String) {
        guard let path else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { cl_close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        // A leading @ stands for the abstract namespace, whose names begin with a zero.
        if name.first == UInt8(ascii: "@") { name[0] = 0 }
        let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        guard offset + name.count < MemoryLayout<sockaddr_un>.size else { return }
        withUnsafeMutableBytes(of: &address) { $0[offset...].copyBytes(from: name) }
        let bytes = Array(state.utf8)
        let length = socklen_t(offset + name.count)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { socketAddress in
                sendto(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL), socketAddress, length)
            }
        }
    }
}
