internal import CLinux
internal import Glibc
internal import Synchronization

/// Where a command's output goes: results to one side, messages and progress to the other.
package struct Terminal: Sendable {
    /// Results, whole: standard output.
    package var write: @Sendable ([UInt8]) -> Void
    /// One line for a person: standard error.
    package var tell: @Sendable (String) -> Void
    /// Whether a person sits there who can answer a question; nil where none can be asked.
    package var ask: (@Sendable (String) -> Bool)?

    package init(
        write: @escaping @Sendable ([UInt8]) -> Void, tell: @escaping @Sendable (String) -> Void,
        ask: (@Sendable (String) -> Bool)? = nil
    ) {
        self.write = write
        self.tell = tell
        self.ask = ask
    }

    /// Writes text to the side of the results.
    package func write(_ text: String) { write(Array(text.utf8)) }

    /// The process's own standard streams.
    package static var standard: Terminal {
        var terminal = Terminal(write: { writeAll(1, $0) }, tell: { writeAll(2, Array(($0 + "\n").utf8)) })
        if isatty(0) == 1, isatty(2) == 1 {
            terminal.ask = { question in
                writeAll(2, Array((question + " [y/N] ").utf8))
                let answer = readLine()?.lowercased() ?? ""
                return answer == "y" || answer == "yes"
            }
        }
        return terminal
    }

    /// Writes all bytes; where the reader is gone the process ends as a filter does, since nobody is left to tell.
    private static func writeAll(_ descriptor: CInt, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { cl_write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if written == -Int(EAGAIN) {
                var descriptorToWait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&descriptorToWait, 1, -1)
            } else {
                if descriptor == 1 { exit(CommandStatus.failed.rawValue) }
                return
            }
        }
    }
}
