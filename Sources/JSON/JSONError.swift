/// Why bytes are not the JSON that was asked for.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of mistake; may grow.
    public enum Code: String, Sendable {
        /// The bytes are no JSON text by RFC 8259.
        case syntax
        /// An object holds the same name twice.
        case duplicateName = "duplicate-name"
        /// Arrays and objects are nested deeper than the limit.
        case tooDeep = "too-deep"
        /// A number does not fit a 64-bit integer or a finite double.
        case number
        /// The JSON is well formed, but it is not of the expected shape.
        case shape
    }

    /// The kind of mistake.
    public var code: Code
    /// One line for a person.
    public var message: String
    /// The byte where a syntax error was met; 0 for an error of shape.
    public var offset: Int
    /// RFC 6901 pointer of the value with an error of shape; empty for the whole text.
    public var pointer: String

    /// Makes an error.
    public init(_ code: Code, _ message: String, offset: Int = 0, pointer: String = "") {
        self.code = code
        self.message = message
        self.offset = offset
        self.pointer = pointer
    }

    /// The message and its place in one line.
    public var description: String {
        code == .shape
            ? "\(pointer.isEmpty ? "the JSON text" : pointer): \(message)"
            : "\(message) (at byte \(offset))"
    }
}
