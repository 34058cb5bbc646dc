import Foundation
import Testing
import uncloud_node

/// What messages tell to type is held against the command line itself.
@Suite("Ways out")
struct WaysOutTests {
    /// The command lines in a text: those that begin a way out, or follow a colon or a backtick.
    static func commands(in literal: SwiftLiterals.Literal) -> [String] {
        literal.text.matches(of: /uncloud-node ([^;,)\n"`]+)/).compactMap { match in
            let before = literal.text[..<match.range.lowerBound]
            guard before.hasSuffix(": ") || before.hasSuffix("`") || before.isEmpty && literal.isFix else { return nil }
            let words = String(match.1).split(separator: " ", omittingEmptySubsequences: true)
            return words.prefix { $0 != "or" && $0 != "and" }.joined(separator: " ")
        }
    }

    /// Why a command line in a text is none; nil where it is one for each of the kinds that may be meant.
    static func complaint(about command: String) -> String? {
        let kinds = command.contains("KIND") ? ["vm", "network", "key"] : [""]
        return kinds.lazy.compactMap { kind in
            Launcher.complaint(about: command.replacing("KIND", with: kind).split(separator: " ").map(String.init))
        }.first
    }

    /// Commands that a text names without the program: nobody could type them as they stand.
    static func halfCommands(in literal: SwiftLiterals.Literal) -> [String] {
        literal.text.matches(of: /(?:see|with|write|it|run|first|anew|output|again): ([a-z]+)( [a-z]+)?/)
            .compactMap { match in
                let words = [String(match.1)] + (match.2.map { [String($0.dropFirst())] } ?? [])
                guard words[0] != "uncloud-node" else { return nil }
                let isCommand = [words, words + ["x"]].contains { Launcher.complaint(about: $0) == nil }
                return isCommand ? words.joined(separator: " ") : nil
            }
    }

    @Test("every command that a message tells to type is one, with its options")
    func commands() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let files = try #require(
            FileManager.default.enumerator(at: root.appending(path: "Sources"), includingPropertiesForKeys: nil))
        var seen = Set<String>()
        for case let file as URL in files where file.pathExtension == "swift" {
            for literal in SwiftLiterals(try String(contentsOf: file, encoding: .utf8)).found {
                for command in Self.commands(in: literal) {
                    seen.insert(command)
                    let complaint = Self.complaint(about: command)
                    #expect(complaint == nil, "\(file.lastPathComponent): uncloud-node \(command): \(complaint ?? "")")
                }
                #expect(Self.halfCommands(in: literal) == [], "\(file.lastPathComponent): \(literal.text)")
            }
        }
        // Some of those that are known to be there, each found another way.
        for known in [
            "vm set x --no-protected", "firewall show", "vm stop x --force", "KIND list", "gc --dry-run",
            "net exec -- ip address", "run",
        ] {
            #expect(seen.contains(known), "\(known) was not found among \(seen.sorted())")
        }
        #expect(seen.count >= 20)
    }

    static let samples: [(String, [String])] = [
        (#"refused("x", fix: "uncloud-node vm set \(name) --no-such")"#, ["vm set x --no-such"]),
        (#"let text = "broken; see: uncloud-node store check; and more""#, ["store check"]),
        (#"f(fix: a ? "cut it: uncloud-node vm halt \(of("a")), or wait" : "b")"#, ["vm halt x"]),
        (#"f(fix: "list: uncloud-node \(kind) listen")"#, ["KIND listen"]),
        ("// uncloud-node vm nothing\nlet a = \"this uncloud-node knows: nothing\"", []),
    ]

    @Test("a command that is none is found, in a literal, behind a condition, with a name put in", arguments: samples)
    func findings(source: String, expected: [String]) {
        let found = SwiftLiterals(source).found.flatMap { Self.commands(in: $0) }
        #expect(found == expected)
        for command in found { #expect(Self.complaint(about: command) != nil, "\(command)") }
    }

    @Test("a command without the program's name is found")
    func halves() {
        for (text, half) in [
            ("see: status", "status"), ("cut it with: vm stop web1", "vm stop"), ("see: vm log", "vm log"),
        ] {
            #expect(Self.halfCommands(in: SwiftLiterals.Literal(text: text, isFix: true)) == [half])
        }
        #expect(Self.halfCommands(in: SwiftLiterals.Literal(text: "see: uncloud-node status", isFix: true)) == [])
    }
}
