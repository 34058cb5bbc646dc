internal import Glibc
internal import Network

/// The files of one network's managed services: RUN/networks/NUMBER/dnsmasq.conf, .log and .pid.
struct ServiceFiles: Sendable {
    let directory: String

    var configuration: String { directory + "/dnsmasq.conf" }
    var log: String { directory + "/dnsmasq.log" }
    var pid: String { directory + "/dnsmasq.pid" }

    /// What a log may grow to before it begins anew.
    static let logLimit: off_t = 256 * 1024

    init(_ plan: NetworkPlan, in run: String) {
        directory = run + "/networks/" + String(plan.number)
    }

    /// - Throws: `HelperFailure` `service.files`.
    func write(_ text: String) throws(HelperFailure) {
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { throw failure(directory) }
        try put(text, configuration)
    }

    func put(_ text: String, _ path: String) throws(HelperFailure) {
        let fd = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard fd >= 0 else { throw failure(path) }
        defer { close(fd) }
        let bytes = Array(text.utf8)
        guard Glibc.write(fd, bytes, bytes.count) == bytes.count else { throw failure(path) }
    }

    /// Opens the configuration to be read and the log to be appended to.
    func open() throws(HelperFailure) -> (input: Int32, log: Int32) {
        let input = Glibc.open(configuration, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw failure(configuration) }
        let output = Glibc.open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard output >= 0 else {
            close(input)
            throw failure(log)
        }
        return (input, output)
    }

    /// Empties a log that has grown past its limit; the writer appends, so it goes on at the new end.
    func trimLog() {
        var status = stat()
        if stat(log, &status) == 0, status.st_size > Self.logLimit { truncate(log, 0) }
    }

    func remove() {
        for path in [configuration, log, pid] { unlink(path) }
        rmdir(directory)
    }

    /// dnsmasq's place, nil if it isn't installed.
    static func program() -> String? {
        DnsmasqConfiguration.places.first { access($0, X_OK) == 0 }
    }

    private func failure(_ path: String) -> HelperFailure {
        HelperFailure(code: "service.files", message: "\(path): \(String(cString: strerror(errno)))")
    }
}
