internal import Foundation
internal import Glibc

/// A test could not run here, and CI does not excuse that.
public struct RequirementMissing: Error, CustomStringConvertible {
    /// What is missing.
    public let what: String
    /// What is missing, and what to do.
    public var description: String {
        "\(what) is missing, CI=true, and .ci/absent does not list it: install it, or list it there with the reason"
    }
}

/// What a test needs of the machine.
///
/// `guard try Requirement.need("nft", "tun") else { return }` is the first line of such a test. Known besides names of
/// programs: "root", "userns" (an unprivileged user namespace can be made), "tun" (/dev/net/tun opens), "kvm", and absolute
/// paths that must exist.
public enum Requirement {
    /// Whether all of these are here. If not, a line `SKIPPED: ...` goes to standard output.
    ///
    /// - Parameters:
    ///   - names: what the test needs.
    ///   - test: the test's name, filled in by the compiler.
    /// - Returns: false when the test should end as skipped.
    /// - Throws: `RequirementMissing` where a skip is a failure: under `CI=true`, unless `.ci/absent` lists the name.
    public static func need(_ names: String..., by test: String = #function) throws -> Bool {
        for name in names where !isPresent(name) {
            let excuse = excuses()[name]
            if ProcessInfo.processInfo.environment["CI"] == "true", excuse == nil {
                throw RequirementMissing(what: name)
            }
            // One write, so that lines of parallel tests do not mix.
            let line = "SKIPPED: \(test): \(name) is missing here\(excuse.map { " (\($0))" } ?? "")\n"
            FileHandle.standardOutput.write(Data(line.utf8))
            return false
        }
        return true
    }

    /// Whether the machine has it.
    public static func isPresent(_ name: String) -> Bool {
        switch name {
        case "root": geteuid() == 0
        case "userns": userNamespaceWorks
        case "tun": opens("/dev/net/tun")
        case "kvm": opens("/dev/kvm")
        case _ where name.hasPrefix("/"): access(name, F_OK) == 0
        default: program(name) != nil
        }
    }

    /// The path of a program, root's tools included.
    public static func program(_ name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let tools = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        return (path.split(separator: ":").map(String.init) + tools).map { "\($0)/\(name)" }
            .first { access($0, X_OK) == 0 }
    }

    private static func opens(_ path: String) -> Bool {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0
    }

    /// Whether `unshare --user` works, tried once.
    private static let userNamespaceWorks: Bool = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program("unshare") ?? "/usr/bin/unshare")
        process.arguments = ["--user", "--map-root-user", "--net", "true"]
        process.standardError = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            return false
        }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    /// `.ci/absent`: a name a line, its reason after a `#`.
    private static func excuses() -> [String: String] {
        var directory = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
        while directory.path != "/", !FileManager.default.fileExists(atPath: directory.path + "/Package.swift") {
            directory.deleteLastPathComponent()
        }
        let file = directory.appendingPathComponent(".ci/absent")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [:] }
        var excuses: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            if let name = parts.first, !name.isEmpty, parts.count > 1, !parts[1].isEmpty { excuses[name] = parts[1] }
        }
        return excuses
    }
}
