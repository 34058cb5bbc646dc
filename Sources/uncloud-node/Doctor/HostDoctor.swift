internal import CLinux
internal import Glibc
internal import Runtime

/// Looks at what the host has of what a node needs. Blocking looks are short: a few files.
struct HostDoctor: Sendable {
    var settings: Settings
    var environment: [String: String]
    var isRoot: Bool
    /// This program's own file.
    var executable: String
    var loop: EventLoop

    /// All checks, in the order in which a person would mend them.
    func examine() async -> [DoctorCheck] {
        var checks = [program("qemu", settings["node.qemu"] ?? "qemu-system-x86_64", package: "qemu-system-x86")]
        checks.append(await processor(hasQEMU: checks[0].state == .ok))
        checks.append(program("dnsmasq", "dnsmasq", package: "dnsmasq-base"))
        checks += [tun(), ipv6()]
        checks += await kernel()
        checks += [directory("state", "node.state-directory"), directory("run", "node.run-directory"), daemon()]
        return checks
    }

    private func program(_ name: String, _ program: String, package: String) -> DoctorCheck {
        guard let path = Self.find(program, path: environment["PATH"]) else {
            guard !program.contains("/") else {
                return DoctorCheck(
                    name, .missing, "\(program) is no program that may be executed",
                    fix: "give the path of an installed one, or leave node.\(name) out")
            }
            return DoctorCheck(name, .missing, "\(program) is not installed", fix: "apt-get install -y \(package)")
        }
        return DoctorCheck(name, .ok, path)
    }

    /// The file that a program's name stands for: PATH, and where system programs are even when PATH lacks it.
    static func find(_ program: String, path: String?) -> String? {
        if program.contains("/") { return access(program, X_OK) == 0 ? program : nil }
        let directories =
            (path ?? "").split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        return directories.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }

    private func processor(hasQEMU: Bool) async -> DoctorCheck {
        let name = "kvm"
        let tcg = "guests run under TCG, which is slow and no security boundary: trusted guests only"
        guard hasQEMU else { return DoctorCheck(name, .limited, "can't be tried without QEMU; \(tcg)") }
        let probe = await KVMCheck.probe(qemu: settings["node.qemu"] ?? "qemu-system-x86_64", on: loop)
        return probe.works
            ? DoctorCheck(name, .ok, probe.detail)
            : DoctorCheck(name, .limited, "\(probe.detail); \(tcg)", fix: probe.fix)
    }

    private func tun() -> DoctorCheck {
        let device = "/dev/net/tun"
        let descriptor = open(device, O_RDWR | O_CLOEXEC)
        guard descriptor < 0 else {
            cl_close(descriptor)
            return DoctorCheck("tun", .ok, device)
        }
        switch errno {
        case EACCES, EPERM:
            return DoctorCheck("tun", .missing, "\(device) may not be opened", fix: "as root: chmod 0666 \(device)")
        default:
            return DoctorCheck(
                "tun", .missing, "\(device): \(String(cString: strerror(errno)))",
                fix: "as root: modprobe tun || mkdir -p /dev/net && mknod -m 0666 \(device) c 10 200")
        }
    }

    private func ipv6() -> DoctorCheck {
        access("/proc/net/if_inet6", R_OK) == 0
            ? DoctorCheck("ipv6", .ok, "the kernel has it")
            : DoctorCheck("ipv6", .missing, "the kernel has no IPv6", fix: "boot without ipv6.disable=1")
    }

    /// What a process of this program finds that makes namespaces, a bridge and the node's rules, and ends again.
    private func kernel() async -> [DoctorCheck] {
        let refusal = isRoot ? nil : userNamespaces()
        if let refusal { return [refusal] }
        let spec = ProcessSpec(executable: executable, arguments: ["internal", "probe"], deathSignal: SIGKILL)
        let said = try? await withDeadline(.seconds(10), on: loop, "the kernel's probe") { [loop] in
            try await runProcess(spec, on: loop).text
        }
        return KernelProbe(said ?? "").checks(isRoot: isRoot)
    }

    /// What forbids them; nil where nothing is known to.
    private func userNamespaces() -> DoctorCheck? {
        let name = "namespaces"
        for (file, refused, setting) in [
            ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
            ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
            (
                "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
                "kernel.apparmor_restrict_unprivileged_userns=0"
            ),
        ] {
            let text = ((try? HostFiles.read(file)) ?? nil).map { String(decoding: $0, as: UTF8.self) }
            if text?.split(whereSeparator: \.isWhitespace).first.map(String.init) == refused {
                return DoctorCheck(name, .missing, "\(file) forbids them", fix: "as root: sysctl -w \(setting)")
            }
        }
        return nil
    }

    private func directory(_ name: String, _ key: String) -> DoctorCheck {
        let path = settings[key] ?? ""
        var existing = path
        while existing.count > 1, access(existing, F_OK) != 0 {
            existing = existing.lastIndex(of: "/").map { String(existing[..<$0]) } ?? ""
            if existing.isEmpty { existing = "/" }
        }
        // Asking access(2) would miss a file system that takes no files, such as /proc or one that is full.
        var trial = Array("\(existing)/.uncloud-doctor.XXXXXX".utf8CString)
        guard mkdtemp(&trial) != nil else {
            return DoctorCheck(
                "\(name)-directory", .missing,
                "\(path) can't be \(existing == path ? "written to" : "made"): \(String(cString: strerror(errno)))",
                fix: "name another with --directory, or as root: install -d -o $USER \(path)")
        }
        rmdir(trial)
        return DoctorCheck("\(name)-directory", .ok, path)
    }

    private func daemon() -> DoctorCheck {
        guard let process = DaemonLock.owner("\(settings["node.run-directory"] ?? "")/daemon.lock") else {
            return DoctorCheck("daemon", .limited, "does not run", fix: "uncloud-node run")
        }
        return DoctorCheck("daemon", .ok, "process \(process)")
    }
}
