import Foundation
import HTTP
import Runtime
import TestSupport
import Testing

/// Our server held against the table of `docs/http-differential.md`.
///
/// With UNCLOUD_REWRITE=1 our answers are written anew; `scripts/differential page` then writes the page. Only commit the
/// changes if you understand what caused them.
@Suite("raw requests that nginx and Node.js were asked too")
struct DifferentialTests {
    private static let file = RawRequest.folder.appending(path: "answers/here.txt")

    private func recorded() throws -> [String: String] {
        var answers: [String: String] = [:]
        let text = try String(contentsOf: Self.file, encoding: .utf8)
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.components(separatedBy: "\t")
            answers[parts[0]] = parts.last
        }
        return answers
    }

    @Test("each is answered as the table says")
    func whole() async throws {
        try await bounded(on: hostileLoops[1]) {
            let witness = try await WitnessServer.start()
            var lines = ["# this repository"]
            for request in try RawRequest.all() {
                let answer = try await witness.exchange([[request.bytes]])[0]
                lines.append("\(request.name)\t\(answer)")
            }
            await witness.stop()
            if ProcessInfo.processInfo.environment["UNCLOUD_REWRITE"] != nil {
                try (lines.joined(separator: "\n") + "\n").write(to: Self.file, atomically: true, encoding: .utf8)
            }
            let answers = try recorded()
            #expect(answers.count >= 250 && answers.count == lines.count - 1)
            for line in lines.dropFirst() {
                let parts = line.components(separatedBy: "\t")
                #expect(answers[parts[0]] == parts[1], "\(parts[0])")
            }
        }
    }

    @Test("each is answered the same when it is cut in two, at every byte")
    func cut() async throws {
        try await bounded(within: .seconds(240), on: hostileLoops[1]) {
            let witness = try await WitnessServer.start()
            let answers = try recorded()
            for request in try RawRequest.all() {
                let expected = WitnessServer.withoutInterim(answers[request.name] ?? "")
                for cuts in request.cuts.chunked(by: 64) {
                    let pieces = cuts.map { [Array(request.bytes[..<$0]), Array(request.bytes[$0...])] }
                    for (cut, answer) in zip(cuts, try await witness.exchange(pieces)) {
                        #expect(WitnessServer.withoutInterim(answer) == expected, "\(request.name), cut at \(cut)")
                    }
                }
            }
            await witness.stop()
        }
    }

    @Test("each head gets its verdict byte by byte as well")
    func bytewise() throws {
        for request in try RawRequest.all() where request.bytes.count < 2048 {
            #expect(verdict(request.bytes.map { [$0] }) == verdict([request.bytes]), "\(request.name)")
        }
    }
}

extension [Int] {
    /// Slices of at most that many.
    func chunked(by count: Int) -> [[Int]] {
        stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min($0 + count, self.count)]) }
    }
}
