import CLinux
import Foundation
import Glibc

/// What a test needs to use real network namespaces; tests that need it are skipped where it is missing.
enum Kernel {
    /// Whether this process may make network namespaces.
    static let isUsable: Bool = getuid() == 0
}

/// Something that a command outside did not do.
struct CommandError: Error, CustomStringConvertible {
    var description: String
}

/// Runs a body on a thread of its own, in a network namespace of its own that ends with it.
///
/// The namespace belongs to the thread: child processes and netlink sockets made by the body are in it, the test's other
/// threads are not. Child processes die with the thread.
func inFreshNamespace<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread {
            let result = Result {
                guard cl_unshare(CInt(CL_NEWNET)) >= 0 else { throw CommandError(description: "no network namespace") }
                return try body()
            }
            continuation.resume(with: result)
        }
        thread.stackSize = 8 << 20
        thread.start()
    }
}

/// Runs a shell script in the calling thread's namespace and returns what it printed.
///
/// - Throws: ``CommandError`` with its messages when it fails.
@discardableResult
func shell(_ script: String) throws -> String {
    let process = try Child("/bin/sh", ["-e", "-c", script + "\n"], joined: true)
    var lines: [String] = []
    while let line = try process.line() { lines.append(line) }
    let text = lines.joined(separator: "\n")
    guard try process.finish() == 0 else { throw CommandError(description: "\(script)\n\(text)") }
    return text
}
