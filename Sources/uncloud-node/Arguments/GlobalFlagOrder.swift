/// Lets the global flags stand before the command's name as well as after it.
///
/// The argument parser knows them on the leaf commands alone, where help and completion show them, so those that stand
/// before or between the command's words are moved behind them. Pure.
package struct GlobalFlagOrder: Sendable {
    /// A command's words below a word; the leaf commands are empty.
    package struct Tree: Sendable {
        package var words: [String: Tree]

        package init(_ words: [String: Tree]) { self.words = words }
    }

    static let withValue: Set<String> = [
        "-o", "--output", "-l", "--selector", "--owner", "--timeout", "--directory", "--config",
    ]
    static let withoutValue: Set<String> = ["--no-headers", "--dry-run", "-y", "--yes"]

    /// The arguments with the global flags moved behind the command's words. What is no global flag keeps its place,
    /// and nothing behind the first word that is no command's moves.
    package static func normalized(_ arguments: [String], tree: Tree) -> [String] {
        let arguments = withSelectorsApart(arguments)
        var words: [String] = []
        var flags: [String] = []
        var level = tree
        var index = 0
        while index < arguments.count {
            let argument = arguments[index]
            if let below = level.words[argument] {
                words.append(argument)
                level = below
                index += 1
            } else if let length = length(of: argument), index + length <= arguments.count, !level.words.isEmpty {
                flags += arguments[index..<index + length]
                index += length
            } else {
                break
            }
        }
        // Without a leaf command there is nobody who takes the flags: what follows is help, or no command at all.
        guard level.words.isEmpty else { return words + arguments[index...] }
        return words + flags + arguments[index...]
    }

    /// `-lk=v` as `-l k=v`, which the parser would take for an option named `lk`. No option takes a value that begins with a
    /// dash, and what follows `--` stays.
    private static func withSelectorsApart(_ arguments: [String]) -> [String] {
        let ours = arguments.prefix { $0 != "--" }
        return ours.flatMap { argument in
            argument.hasPrefix("-l") && argument.contains("=") ? ["-l", String(argument.dropFirst(2))] : [argument]
        } + arguments[ours.count...]
    }

    /// How many arguments the global flag that begins here takes, nil where none begins.
    private static func length(of argument: String) -> Int? {
        if withoutValue.contains(argument) { return 1 }
        if withValue.contains(argument) { return 2 }
        let isJoined = withValue.contains { $0.hasPrefix("--") && argument.hasPrefix($0 + "=") }
        let isShortJoined = argument.count > 2 && (argument.hasPrefix("-o") || argument.hasPrefix("-l"))
        return isJoined || (isShortJoined && !argument.hasPrefix("--")) ? 1 : nil
    }
}
