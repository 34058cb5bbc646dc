import Runtime
import TestSupport
import Testing

@Suite("looking out for other loops")
struct LookoutTests {
    @Test("a loop looks when it has handed something over, and again while answers come")
    func due() {
        var lookout = Lookout()
        let idle = lookout.isDue()
        lookout.hasHandedOver = true
        let handedOver = lookout.isDue()
        lookout.ended(found: true)
        let answered = lookout.isDue()
        lookout.ended(found: false)
        let unanswered = lookout.isDue()
        #expect([idle, handedOver, answered, unanswered] == [false, true, true, false])
    }

    @Test("where no answer comes, ever more occasions are let pass, and one answer ends that")
    func rests() {
        var lookout = Lookout()
        var passed: [Int] = []
        for _ in 0..<12 {
            passed.append(Self.occasionsUntilDue(&lookout))
            lookout.ended(found: false)
        }
        #expect(passed == [0, 2, 4, 8, 16, 32, 64, 128, 256, 256, 256, 256])
        _ = Self.occasionsUntilDue(&lookout)
        lookout.ended(found: true)
        let passedAfterAnswer = Self.occasionsUntilDue(&lookout)
        #expect(passedAfterAnswer == 0)
    }

    /// How many occasions it lets pass before it looks.
    private static func occasionsUntilDue(_ lookout: inout Lookout) -> Int {
        for passed in 0...Lookout.longestRest {
            lookout.hasHandedOver = true
            if lookout.isDue() { return passed }
        }
        return .max
    }

    @Test("no message is lost between a loop that looks, one that gives up looking, and one that sleeps")
    func messages() async throws {
        let group = try EventLoopGroup(loops: 2, label: "lookout")
        let there = AsyncChannel<Int>(capacity: 1)
        let back = AsyncChannel<Int>(capacity: 1)
        let other = spawn(on: group.loops[1], "answers") {
            while let number = try await there.receive() {
                // From at once to longer than anybody looks, so that answers come at each moment of a look.
                for _ in 0..<(number % 97) * 10 { await Task.yield() }
                try await back.send(number)
            }
        }
        let received = try await bounded {
            try await spawn(on: group.loops[0], "asks") {
                var received = 0
                for number in 0..<1000 {
                    try await there.send(number)
                    received += try await back.receive() == number ? 1 : 0
                }
                there.finish()
                return received
            }.value
        }
        #expect(received == 1000)
        try await other.value
        await group.shutdown()
    }
}
