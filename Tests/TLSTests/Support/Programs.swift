import Glibc
import Runtime
import TestSupport
import Testing

/// Runs the openssl command, which must succeed.
func openssl(_ arguments: String...) async throws {
    let spec = ProcessSpec(executable: "openssl", arguments: arguments)
    let output = try await runProcess(spec, on: TestLoops.other)
    #expect(output.status.isSuccess, "openssl \(arguments[0]): \(output.errorText)")
}

/// A program whose standard streams the test holds: s_client and s_server talk to their users while they run.
final class Dialogue: Sendable {
    private let child: ChildProcess
    private let input: Connection
    private let output: Connection
    private let text = Locked("")

    /// Starts it, with lines that come as they are printed (stdbuf); standard error goes with standard output.
    init(_ executable: String, _ arguments: [String]) async throws {
        var (forward, back): ([CInt], [CInt]) = ([-1, -1], [-1, -1])
        guard pipe(&forward) == 0, pipe(&back) == 0 else { throw SystemError(errno: errno, operation: "pipe") }
        for end in [forward[1], back[0]] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var spec = ProcessSpec(executable: "stdbuf", arguments: ["-oL", executable] + arguments)
        spec.inheritedDescriptors = [0: forward[0], 1: back[1], 2: back[1]]
        spec.deathSignal = SIGKILL
        child = try await ChildProcess.spawn(spec, on: TestLoops.other)
        close(forward[0])
        close(back[1])
        input = Connection(adopting: forward[1], on: TestLoops.other)
        output = Connection(adopting: back[0], on: TestLoops.other)
    }

    deinit { try? child.kill() }

    func send(_ line: String) async throws { try await input.write(Array(line.utf8)) }
    func endInput() { input.close() }

    /// Reads until the text, which may have come before, has come. s_client writes what it received past its buffer for all
    /// else, so that it may come in the midst of a line.
    ///
    /// Two lines that are sent without such a wait between may arrive as one, of which a command takes the whole.
    @discardableResult
    func wait(for part: String, times: Int = 1) async throws -> String {
        while true {
            let seen = text.withLock { $0 }
            if seen.ranges(of: part).count >= times { return seen }
            let bytes: [UInt8]?
            do {
                bytes = try await output.read()
            } catch {
                Issue.record("the program has not said \(part.debugDescription): \(seen)")
                throw error
            }
            guard let bytes else {
                Issue.record("the program ended without \(part.debugDescription): \(seen)")
                throw CancellationError()
            }
            text.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
        }
    }

    /// All that it printed, once it has ended.
    func end() async throws -> (status: Runtime.ExitStatus, text: String) {
        while let bytes = try await output.read() { text.withLock { $0 += String(decoding: bytes, as: UTF8.self) } }
        return (try await child.waitForExit(), text.withLock { $0 })
    }

    func kill() { try? child.kill() }
}
