/// One wrong field of an input.
package struct FieldError: Error, Sendable, Hashable, Codable {
    /// RFC 6901 pointer of the field, for example `/spec/memory`.
    package var pointer: String
    /// A stable word for programs, for example `unit`.
    package var code: String
    /// One line that names the field and the value.
    package var message: String
    /// One line that says what to do.
    package var fix: String

    /// Makes an error.
    package init(pointer: String, code: String, message: String, fix: String) {
        self.pointer = pointer
        self.code = code
        self.message = message
        self.fix = fix
    }
}
