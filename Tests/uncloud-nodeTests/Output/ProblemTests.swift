import Model
import Runtime
import Testing
import uncloud_node

@Suite("Problems as lines and exit statuses")
struct ProblemTests {
    static let cases: [(Int, String, CommandStatus)] = [
        (400, "query.unknown", .usage), (422, "vm.invalid", .usage), (415, "body.media-type", .usage),
        (404, "vm.not-found", .notFound), (409, "vm.exists", .conflict), (412, "revision.conflict", .conflict),
        (409, "vm.running", .refused), (409, "vm.off", .refused), (409, "network.in-use", .refused),
        (403, "vm.protected", .refused),
        (504, "down.timeout", .timedOut), (503, "store.unavailable", .unreachable), (500, "internal", .failed),
        (507, "store.full", .failed), (410, "revision.compacted", .failed),
    ]

    @Test("each status has its exit status", arguments: cases)
    func exitStatus(status: Int, code: String, expected: CommandStatus) {
        #expect(ProblemError(status: status, code: code, detail: "x").exitStatus == expected)
    }

    @Test("the line names the first wrong field, its fix, and the other fields")
    func line() {
        let problem = ProblemError.invalid([
            FieldError(
                pointer: "/spec/memory", code: "unit", message: "memory is a number without a unit", fix: "write 2GiB"),
            FieldError(pointer: "/spec/nics/0/mac", code: "mac", message: "bad", fix: ""),
        ])
        #expect(
            problem.failure.line
                == "spec.memory: memory is a number without a unit (also wrong: spec.nics[0].mac); write 2GiB")
    }

    @Test("a problem without fields is its detail and its fix")
    func plain() {
        #expect(ProblemError.notFound("vm", "web9").failure.line.hasPrefix("no vm \"web9\"; list them"))
    }

    @Test("a line stays one line, whatever a name holds")
    func oneLine() {
        let failure = CommandFailure(.failed, "bad\u{1b}]0;x\u{7} thing\r\nnext", field: "a\nb", fix: "c\u{2028}d")
        #expect(failure.line == "a b: bad ]0;x thing next; c d")
    }

    @Test("a deadline is told as still in progress")
    func deadline() {
        let failure = Failures.failure(of: DeadlineError(what: "vm web1", duration: .seconds(60)))
        #expect(failure.status == .timedOut)
        #expect(failure.line.hasPrefix("vm web1 is still in progress after 60s"))
    }

    @Test("several statuses are one: that of all, or some of several")
    func combined() {
        #expect(CommandStatus.combined([]) == .ok)
        #expect(CommandStatus.combined([.notFound, .notFound]) == .notFound)
        #expect(CommandStatus.combined([.ok, .notFound]) == .someFailed)
        #expect(CommandStatus.combined([.refused, .notFound]) == .someFailed)
    }

    @Test("the numbers that scripts rely on")
    func numbers() {
        #expect(CommandStatus.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 130])
    }
}
