/// A failure as the operator reads it: one line that names the field and the way out.
package struct CommandFailure: Error, Sendable, Equatable {
    package var status: CommandStatus
    /// What is wrong, without a full stop.
    package var message: String
    /// The flag, configuration key or document field that is wrong.
    package var field: String?
    /// What to do about it, as an instruction.
    package var fix: String?

    package init(_ status: CommandStatus, _ message: String, field: String? = nil, fix: String? = nil) {
        self.status = status
        self.message = message
        self.field = field
        self.fix = fix
    }

    /// `--memory: "2" has no unit; write 2GiB or 512MiB`, always one line, whatever the parts hold.
    package var line: String {
        var text = field.map { "\($0): " } ?? ""
        text += message
        if let fix, !fix.isEmpty { text += "; \(fix)" }
        return Self.oneLine(text)
    }

    /// The text with line ends and control characters replaced, so that nothing that a guest, a file or a name holds
    /// can move the terminal's cursor.
    package static func oneLine(_ text: String) -> String {
        var result = ""
        var justReplaced = false
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            if isControl || scalar == "\u{2028}" || scalar == "\u{2029}" {
                if !justReplaced, result.last != " " { result.append(" ") }
                justReplaced = true
            } else {
                if !(justReplaced && scalar == " ") { result.unicodeScalars.append(scalar) }
                justReplaced = justReplaced && scalar == " "
            }
        }
        return result
    }
}
