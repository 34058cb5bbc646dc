internal import CLinux

/// What a QEMU that did not start had to say: still in its error pipe, since the keeper reads that only of machines
/// that run.
enum FailureLog {
    /// The lines that go into an error message.
    static let lines = 5

    /// Moves what is in the pipe into the log.
    ///
    /// - Returns: the last lines, without QEMU's time stamp and program name.
    static func collect(_ pipe: CInt, into path: String) -> [String] {
        var said: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            // SAFETY: the buffer's own bounds; the pipe never blocks.
            let count = buffer.withUnsafeMutableBytes { unsafe cl_read(pipe, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            said += buffer[..<count]
            if said.count > CappedLog.defaultLimit { break }
        }
        CappedLog(path: path).append(said)
        return String(decoding: said, as: UTF8.self).split(whereSeparator: \.isNewline).suffix(lines).map(shortened)
    }

    /// "2026-11-23T08:22:36.733764Z qemu-system-x86_64: -device x: ..." becomes "-device x: ...".
    private static func shortened(_ line: Substring) -> String {
        guard let mark = line.firstRange(of: "qemu-system-") else { return String(line) }
        let rest = line[mark.upperBound...]
        guard let colon = rest.firstIndex(of: ":") else { return String(line) }
        return String(rest[rest.index(after: colon)...].drop { $0 == " " })
    }
}
