internal import Model

/// Reads what a flag's value stands for: `@FILE` is the text of a file, `-` or `@-` standard input, anything else itself.
package struct ArgumentReader: Sendable {
    /// The bytes of a file.
    package var readFile: @Sendable (String) throws(CommandFailure) -> [UInt8]
    /// Standard input to its end; may be asked once.
    package var readInput: @Sendable () throws(CommandFailure) -> [UInt8]
    package var home: String?
    /// Where relative paths begin; absolute.
    package var workingDirectory: String

    package init(
        readFile: @escaping @Sendable (String) throws(CommandFailure) -> [UInt8],
        readInput: @escaping @Sendable () throws(CommandFailure) -> [UInt8], home: String?, workingDirectory: String
    ) {
        self.readFile = readFile
        self.readInput = readInput
        self.home = home
        self.workingDirectory = workingDirectory
    }

    /// The text that a flag's value stands for.
    ///
    /// - Throws: what names the flag, where the file can't be read or holds no UTF-8 text.
    package func text(_ value: String, flag: String) throws(CommandFailure) -> String {
        guard value == "-" || value.hasPrefix("@") else { return value }
        let bytes: [UInt8]
        do {
            bytes = value == "-" || value == "@-" ? try readInput() : try readFile(path(String(value.dropFirst())))
        } catch {
            throw CommandFailure(.usage, error.message, field: flag, fix: error.fix)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(
                .usage, "\(quoted(value)) holds no UTF-8 text", field: flag, fix: "give a text file")
        }
        return text
    }

    /// The absolute path of a file that the daemon is to open: `~/` and relative paths are this process's, not its.
    package func path(_ text: String) -> String {
        if text == "~" || text.hasPrefix("~/"), let home { return home + text.dropFirst() }
        guard !text.hasPrefix("/") else { return text }
        var parts = workingDirectory.split(separator: "/").map(String.init)
        for part in text.split(separator: "/") {
            switch part {
            case ".": continue
            case "..": _ = parts.popLast()
            default: parts.append(String(part))
            }
        }
        return "/" + parts.joined(separator: "/")
    }
}
