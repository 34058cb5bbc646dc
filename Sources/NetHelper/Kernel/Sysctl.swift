internal import Glibc

/// The settings of a network namespace, under /proc/sys/net. They are those of the calling thread's namespace.
enum Sysctl {
    /// A setting, and whether a kernel may lack it.
    struct Setting {
        var path: String
        var value: String
        var isOptional = false
    }

    /// What the namespace of the bridges needs before the first bridge is there. Sources: ip-sysctl in the kernel's
    /// documentation; each was found necessary with a guest that lacked it.
    static let forBridges: [Setting] =
        [
            // The accepted socket carries the mark of the packet that opened it; serves IPv6 too.
            Setting(path: "ipv4/tcp_fwmark_accept", value: "1"),
            // Answers without a socket (a reset, an echo reply) carry the mark as well: without it a closed port hangs.
            Setting(path: "ipv4/fwmark_reflect", value: "1"),
            Setting(path: "ipv6/fwmark_reflect", value: "1"),
            Setting(path: "ipv4/tcp_syncookies", value: "1"),
            // A guest's source address leads nowhere here.
            Setting(path: "ipv4/conf/all/rp_filter", value: "0"),
            Setting(path: "ipv4/conf/default/rp_filter", value: "0"),
            Setting(path: "ipv4/ip_forward", value: "0"),
            Setting(path: "ipv6/conf/all/forwarding", value: "0"),
            Setting(path: "ipv6/conf/default/forwarding", value: "0"),
            Setting(path: "ipv4/conf/all/accept_redirects", value: "0"),
            Setting(path: "ipv4/conf/all/send_redirects", value: "0"),
            Setting(path: "ipv4/conf/default/accept_redirects", value: "0"),
            Setting(path: "ipv4/conf/default/send_redirects", value: "0"),
            // Bridged frames are the bridge tables' business alone.
            Setting(path: "bridge/bridge-nf-call-iptables", value: "0", isOptional: true),
            Setting(path: "bridge/bridge-nf-call-ip6tables", value: "0", isOptional: true),
            Setting(path: "bridge/bridge-nf-call-arptables", value: "0", isOptional: true),
            Setting(path: "core/somaxconn", value: "4096", isOptional: true),
        ] + deaf

    /// What every namespace of ours needs: no guest configures it.
    static let deaf: [Setting] = ["all", "default"].flatMap { device in
        [
            Setting(path: "ipv6/conf/\(device)/accept_ra", value: "0"),
            Setting(path: "ipv6/conf/\(device)/accept_redirects", value: "0"),
            Setting(path: "ipv6/conf/\(device)/autoconf", value: "0"),
            Setting(path: "ipv6/conf/\(device)/accept_dad", value: "0"),
        ]
    }

    /// Writes settings.
    ///
    /// - Throws: `SysctlError` for one that can't be written, unless the kernel lacks it and may.
    static func apply(_ settings: [Setting]) throws(SysctlError) {
        for setting in settings {
            do {
                try write(setting.path, setting.value)
            } catch {
                guard setting.isOptional else { throw error }
            }
        }
    }

    /// No IPv6 of the host's own on a port.
    static func silence(_ device: String) throws(SysctlError) {
        try write("ipv6/conf/\(device)/disable_ipv6", "1")
    }

    static func write(_ path: String, _ value: String) throws(SysctlError) {
        let fd = open("/proc/sys/net/\(path)", O_WRONLY | O_CLOEXEC)
        guard fd >= 0 else { throw SysctlError(path: path, errno: errno) }
        defer { close(fd) }
        let text = Array(value.utf8)
        guard Glibc.write(fd, text, text.count) == text.count else { throw SysctlError(path: path, errno: errno) }
    }

    /// The value without its line end; nil if it can't be read.
    static func read(_ path: String) -> String? {
        let fd = open("/proc/sys/net/\(path)", O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let got = Glibc.read(fd, &buffer, buffer.count)
        guard got >= 0 else { return nil }
        return String(decoding: buffer[..<got].prefix { $0 != 10 }, as: UTF8.self)
    }
}

/// A setting that could not be written.
struct SysctlError: Error, CustomStringConvertible {
    var path: String
    var errno: Int32

    var description: String { "net.\(path.replacing("/", with: ".")): \(String(cString: strerror(errno)))" }
}
