import CLinux
import Foundation
import Glibc

/// A child process in the calling thread's network namespace, talked to line by line. Used by the thread that made it only.
///
/// Each wait ends with an error after a minute, so that a test that hangs names its place.
final class Child {
    private let pid: pid_t
    private let pidfd: CInt
    private var input: CInt
    private let output: CInt
    private var buffer: [UInt8] = []

    /// Starts a program; `joined` sends its error output where its output goes.
    init(_ executable: String, _ arguments: [String], joined: Bool = false) throws {
        var inward: [CInt] = [0, 0]
        var outward: [CInt] = [0, 0]
        guard pipe(&inward) == 0, pipe(&outward) == 0 else { throw CommandError(description: "no pipe") }
        for fd in inward + outward { _ = fcntl(fd, F_SETFD, FD_CLOEXEC) }
        defer {
            close(inward[0])
            close(outward[1])
        }
        let fds = [
            cl_spawn_fd(child: 0, ours: inward[0]), cl_spawn_fd(child: 1, ours: outward[1]),
            cl_spawn_fd(child: 2, ours: joined ? outward[1] : 2),
        ]
        let texts = ([executable] + arguments).map { strdup($0) }
        let environment = [strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin")]
        defer { for text in texts + environment { free(text) } }
        var pidfd: CInt = -1
        var stage: CInt = 0
        pid = fds.withUnsafeBufferPointer { fds in
            (texts + [nil]).withUnsafeBufferPointer { arguments in
                (environment + [nil]).withUnsafeBufferPointer { environment in
                    var spec = cl_spawn_spec()
                    spec.executable = UnsafePointer(texts[0])
                    spec.arguments = arguments.baseAddress
                    spec.environment = environment.baseAddress
                    spec.fds = fds.baseAddress
                    spec.fd_count = CInt(fds.count)
                    spec.uid = -1
                    spec.gid = -1
                    spec.death_signal = SIGKILL
                    return cl_spawn(&spec, &pidfd, &stage)
                }
            }
        }
        self.pidfd = pidfd
        input = inward[1]
        output = outward[0]
        guard pid > 0 else { throw CommandError(description: "\(executable): stage \(stage), error \(-pid)") }
    }

    deinit {
        if input >= 0 { close(input) }
        close(output)
        close(pidfd)
    }

    /// A script of Tests/FirewallData/frames, by Debian's own Python, the one that has scapy.
    static func script(_ name: String, _ arguments: [String] = []) throws -> Child {
        let path = Self.data.appendingPathComponent("frames/\(name)").path
        return try Child("/usr/bin/python3", ["-B", path] + arguments)
    }

    /// The folder Tests/FirewallData.
    static let data = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("FirewallData")

    /// The next line of its output, nil at the end.
    func line() throws -> String? {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                defer { buffer.removeSubrange(...end) }
                return String(decoding: buffer[..<end], as: UTF8.self)
            }
            try wait(for: output, "a line")
            var chunk = [UInt8](repeating: 0, count: 65536)
            let count = read(output, &chunk, chunk.count)
            guard count > 0 else {
                defer { buffer = [] }
                return buffer.isEmpty ? nil : String(decoding: buffer, as: UTF8.self)
            }
            buffer += chunk[..<count]
        }
    }

    /// The next line as a value.
    func next<T: Decodable>(_ type: T.Type) throws -> T? {
        try line().map { try JSONDecoder().decode(type, from: Data($0.utf8)) }
    }

    /// Writes a line to its input.
    func send(_ text: String) throws {
        let bytes = Array((text + "\n").utf8)
        guard write(input, bytes, bytes.count) == bytes.count else {
            throw CommandError(description: "the child is gone")
        }
    }

    /// Closes its input and waits for its end.
    ///
    /// - Returns: the exit status; negative for a signal.
    func finish() throws -> CInt {
        close(input)
        input = -1
        try wait(for: pidfd, "the end of a process")
        var exited: CInt = 0
        var value: CInt = 0
        guard cl_pidfd_reap(pidfd, &exited, &value) == 1 else { throw CommandError(description: "not reaped") }
        return exited != 0 ? value : -value
    }

    private func wait(for fd: CInt, _ what: String) throws {
        var one = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        guard poll(&one, 1, 60_000) == 1 else { throw CommandError(description: "waited a minute for \(what)") }
    }
}
