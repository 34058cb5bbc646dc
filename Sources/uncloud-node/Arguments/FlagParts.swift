internal import Model

/// The parts of a flag's value that is a list: `FILE,format=raw,readonly`. A comma within a part is doubled. Pure.
struct FlagParts {
    private struct Part {
        var name: String?
        var value: String
    }

    private let flag: String
    private var parts: [Part]

    init(_ text: String, flag: String) {
        self.flag = flag
        var pieces: [String] = [""]
        var characters = text[...]
        while let character = characters.popFirst() {
            if character == ",", characters.first == "," {
                characters.removeFirst()
                pieces[pieces.count - 1].append(",")
            } else if character == "," {
                pieces.append("")
            } else {
                pieces[pieces.count - 1].append(character)
            }
        }
        parts = pieces.map { piece in
            let halves = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard halves.count == 2, halves[0].allSatisfy({ $0.isLetter || $0 == "-" }) else {
                return Part(name: nil, value: piece)
            }
            return Part(name: halves[0], value: halves[1])
        }
    }

    /// Takes the first part, where it has no name.
    mutating func takeFirstWithoutName() -> String? {
        guard let first = parts.first, first.name == nil else { return nil }
        parts.removeFirst()
        return first.value
    }

    /// Takes the value of the part of that name.
    mutating func take(_ name: String) -> String? {
        guard let index = parts.firstIndex(where: { $0.name == name }) else { return nil }
        return parts.remove(at: index).value
    }

    /// Takes a part that is a word alone; true where it stood there.
    mutating func takeWord(_ word: String) -> Bool {
        guard let index = parts.firstIndex(where: { $0.name == nil && $0.value == word }) else { return false }
        parts.remove(at: index)
        return true
    }

    /// Refuses what is left.
    func finish(known: [String]) throws(CommandFailure) {
        guard let left = parts.first else { return }
        let word = left.name ?? left.value
        throw CommandFailure(
            .usage, "unknown part \(quoted(word))", field: flag, fix: "known here: \(known.joined(separator: ", "))")
    }
}
