internal import Model

/// What the process mode `probe` said, as checks. Pure.
package struct KernelProbe: Sendable {
    private var findings: [String: String] = [:]

    /// Reads its lines, `PART ok` or `PART` and why not.
    package init(_ said: String) {
        for line in said.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1)
            if words.count == 2 { findings[String(words[0])] = String(words[1]) }
        }
    }

    /// A check for each part, down to the first that failed: those behind it could not be tried.
    package func checks(isRoot: Bool) -> [DoctorCheck] {
        let asRoot = isRoot ? "" : "as root: "
        let parts = [
            ("namespaces", "can be made", asRoot + "boot a kernel with CONFIG_NET_NS and CONFIG_USER_NS"),
            ("bridge", "can be made", asRoot + "modprobe bridge"),
            (
                "nftables", "the kernel takes the node's rules",
                asRoot + "modprobe -a nf_tables nft_meta_bridge nft_fwd_netdev"
            ),
        ]
        var checks: [DoctorCheck] = []
        for (name, works, fix) in parts {
            let found = findings[name] ?? "could not be tried"
            checks.append(
                found == "ok" ? DoctorCheck(name, .ok, works) : DoctorCheck(name, .missing, printable(found), fix: fix))
            if found != "ok" { break }
        }
        return checks
    }
}
