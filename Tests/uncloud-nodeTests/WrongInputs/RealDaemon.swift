import CLinux
import Foundation
import Glibc
import JSON
import Runtime
import TestSupport

/// The program itself: a daemon in a directory of its own, and command lines run against it as processes.
final class RealDaemon: Sendable {
    struct Result: Sendable {
        /// The exit status, or minus the signal.
        var code: Int32
        var output: String
        var messages: String
    }

    let directory: TemporaryDirectory
    let process: ChildProcess
    let namespace: String

    /// The program that was built with these tests.
    static let binary = builtProgram("uncloud-node")

    /// Starts a daemon and returns once it says that it is ready.
    ///
    /// - Parameters:
    ///   - directory: where its state and its run-time files are to be.
    ///   - namespace: the name of the network namespace; that of an earlier daemon of the directory takes it over.
    ///   - more: environment variables.
    ///   - program: the file that is run.
    ///   - shell: run before it in the same process, in a mount namespace of its own; for what is to be mounted.
    ///   - host: the network namespace that it takes for the host's; nil for the machine's.
    /// - Throws: `DaemonDied` with its log, `DeadlineError`.
    init(
        _ directory: TemporaryDirectory, namespace: String? = nil, environment more: [String: String] = [:],
        program: String = RealDaemon.binary, shell: String? = nil, host: TestNamespace? = nil
    ) async throws {
        self.directory = directory
        self.namespace = namespace ?? "uncloud-test-\(getpid())-\(UInt32.random(in: 0...0xffff))"
        unlink(directory.file("notify"))
        let ready = try Datagrams(at: directory.file("notify"))
        let log = open(directory.file("daemon.log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { close(log) }
        var arguments = [
            program, "run", "--directory", directory.path, "--namespace", self.namespace, "--accelerator", "tcg",
            "--log-level", "debug",
        ]
        if let shell { arguments = ["unshare", "--mount", "sh", "-ec", "\(shell); exec \"$@\"", "sh"] + arguments }
        if let host { arguments = ["nsenter", "--net=/proc/\(host.pid)/ns/net", "--"] + arguments }
        process = try await ChildProcess.spawn(
            ProcessSpec(
                executable: arguments[0], arguments: Array(arguments.dropFirst()),
                environment: Self.environment(["NOTIFY_SOCKET": directory.file("notify")].merging(more) { $1 }),
                inheritedDescriptors: [1: log, 2: log],
                detached: true), on: TestLoops.loop)
        let exited = process
        let outcome = AsyncChannel<Bool>(capacity: 2)
        let watch = spawn(on: TestLoops.loop, "daemon's end") {
            _ = try? await exited.waitForExit()
            outcome.trySend(false)
        }
        let wait = spawn(on: TestLoops.loop, "daemon's word") {
            while try await !ready.next().contains("READY=1") {}
            outcome.trySend(true)
        }
        let isReady = try await withDeadline(Duration.seconds(60).patient, on: TestLoops.loop, "the daemon's start") {
            try await outcome.receive() ?? false
        }
        wait.cancel()
        _ = watch
        guard isReady else { throw DaemonDied(log: (try? directory.read("daemon.log")) ?? "") }
    }

    struct DaemonDied: Error { var log: String }

    /// Runs a command line against this daemon.
    func run(_ arguments: [String], input: String? = nil) async throws -> Result {
        try await Self.run(["--directory", directory.path] + arguments, input: input)
    }

    /// Runs a command line.
    static func run(_ arguments: [String], input: String? = nil) async throws -> Result {
        let output = try await runProcess(
            ProcessSpec(executable: binary, arguments: arguments, environment: environment([:])),
            input: input.map { Array($0.utf8) }, outputLimit: 4 << 20, on: TestLoops.loop)
        let code: Int32 =
            switch output.status {
            case .exited(let code): code
            case .signaled(let number): -number
            }
        return Result(code: code, output: output.text, messages: output.errorText)
    }

    /// The newest revision of the store: what it was before a refused input, it is after it.
    func revision() async throws -> Int64 {
        let status = try await run(["status", "-o", "json"])
        return try JSONValue(parsing: status.output)["revision"]?.intValue ?? -1
    }

    /// The QEMU processes whose machines lie in this directory: each has its pid file open, also when that is removed.
    static func machines(in directory: TemporaryDirectory) -> [Int32] {
        let prefix = directory.file("run/vms/")
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.compactMap { Int32($0) }.filter { pid in
            guard let name = try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8), name.hasPrefix("qemu"),
                let numbers = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")
            else { return false }
            return numbers.contains { number in
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(number)")
                return target?.hasPrefix(prefix) == true
            }
        }
    }

    /// Takes everything down, and tells what `down` said.
    func down() async throws -> Result {
        let result = try await run(["down", "--force", "-y"])
        _ = try await process.waitForExit()
        return result
    }

    private static func environment(_ more: [String: String]) -> [String: String] {
        var result = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", "SWIFT_BACKTRACE": "enable=no"]
        // A sanitized program is told what its tests were told.
        for name in ["ASAN_OPTIONS", "TSAN_OPTIONS"] { result[name] = ProcessInfo.processInfo.environment[name] }
        result.merge(more) { $1 }
        return result
    }
}

/// A datagram socket at a path, as a service manager has one.
private final class Datagrams: Sendable {
    private let descriptor: CInt
    private let executor = BlockingExecutor(label: "notify")

    init(at path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let bound = cl_unix_bind(descriptor, path)
        guard bound >= 0 else { throw SystemError(errno: -bound, operation: "bind \(path)") }
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// The next datagram, or nothing after a second.
    func next() async throws -> String {
        let descriptor = descriptor
        return try await executor.run {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : ""
        }
    }
}
