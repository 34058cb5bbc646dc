import Store
import Testing

@Suite("A watch's answers put together")
struct WatchAssemblyTests {
    private func events(_ revisions: Int64...) -> [WatchEvent] {
        revisions.enumerated().map { .delete("/\($0.offset)", modRevision: $0.element) }
    }

    @Test("a revision is told when it is whole, and not before")
    func fragments() {
        var assembly = WatchAssembly(next: 5)
        #expect(assembly.take(events(5, 5), isFragment: true) == [])
        #expect(assembly.next == 5)
        #expect(assembly.take(events(5, 6), isFragment: true)?.map(\.events.count) == [3])
        #expect(assembly.next == 6)
        #expect(assembly.take(events(6, 7, 7), isFragment: false)?.map(\.revision) == [6, 7])
        #expect(assembly.next == 8)
    }

    @Test("what was told already or not asked for is left out")
    func doubled() {
        var assembly = WatchAssembly(next: 5)
        #expect(assembly.take(events(3, 4, 4, 5), isFragment: false)?.map(\.revision) == [5])
        #expect(assembly.take(events(4, 5), isFragment: false) == [])
        #expect(assembly.take([], isFragment: false) == [])
        #expect(assembly.next == 6)
    }

    @Test("events that run backwards are no revisions")
    func backwards() {
        var assembly = WatchAssembly(next: 1)
        #expect(assembly.take(events(3, 2), isFragment: false) == nil)
    }

    @Test("any cut into fragments gives the same revisions")
    func anyCut() {
        let all = events(2, 2, 3, 4, 4, 4, 9)
        var whole = WatchAssembly(next: 2)
        let expected = whole.take(all, isFragment: false)
        for cuts in 0..<(1 << (all.count - 1)) {
            var assembly = WatchAssembly(next: 2)
            var got: [WatchBatch] = []
            var part: [WatchEvent] = []
            for (index, event) in all.enumerated() {
                part.append(event)
                let isLast = index == all.count - 1
                guard isLast || cuts & (1 << index) != 0 else { continue }
                got += assembly.take(part, isFragment: !isLast) ?? []
                part = []
            }
            #expect(got == expected)
        }
    }
}
