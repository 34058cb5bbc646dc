internal import CLinux
internal import Glibc
internal import Runtime

/// Where the program begins: decides what this process is to be, before anything has started a thread.
package enum Entry {
    /// Runs the program and ends the process. Called once, by main.swift, on the main thread.
    package static func main() -> Never {
        let arguments = CommandLine.arguments
        if arguments.count > 1, arguments[1] == "internal" { runInternal(Array(arguments.dropFirst(2))) }
        let launcher = Launcher(arguments: Array(arguments.dropFirst()), environment: environment())
        switch launcher.prepare() {
        case .done(let status): exit(status.rawValue)
        case .run(let command): exit(onLoop(command).rawValue)
        }
    }

    /// Runs the command as a task on a loop, while the main thread waits: it is no place for tasks, since nothing drains
    /// its queue.
    private static func onLoop(_ command: Launcher.Command) -> CommandStatus {
        guard let group = try? EventLoopGroup(loops: 1, label: "main") else {
            Terminal.standard.tell("error: can't start an event loop; raise the limit of open files (ulimit -n)")
            return .failed
        }
        let status = Locked(CommandStatus.failed)
        let done = OneWaySignal()
        let loop = group.loops[0]
        spawn(on: loop, "command") {
            let result = await command.run(on: loop)
            status.withLock { $0 = result }
            done.fire()
        }
        done.wait()
        return status.withLock { $0 }
    }

    private static func environment() -> [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return result
    }
}

/// Lets the main thread wait for the command: a pipe, since a semaphore that lives on a Swift stack may not be shared.
private struct OneWaySignal: Sendable {
    private let ends: (read: CInt, write: CInt)

    init() {
        var pair: [CInt] = [-1, -1]
        cl_pipe(&pair, 0)
        ends = (pair[0], pair[1])
    }

    func fire() {
        var byte: UInt8 = 1
        cl_write(ends.write, &byte, 1)
    }

    func wait() {
        var byte: UInt8 = 0
        cl_read(ends.read, &byte, 1)
    }
}
