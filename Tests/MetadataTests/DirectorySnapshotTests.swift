import Metadata
import Testing

@Suite("The directory's snapshot")
struct DirectorySnapshotTests {
    private func document(_ name: String) -> GuestDocument {
        GuestDocument(facts: GuestFacts(uuid: "u-\(name)", name: name, owner: "default", sshKeys: []))
    }

    @Test("a mark finds its own guest and no other")
    func ownGuest() {
        var snapshot = DirectorySnapshot()
        for number in [1, 255, 256, 257, 70_000] as [UInt32] { snapshot.set(document("vm\(number)"), number: number) }
        for number in [1, 255, 256, 257, 70_000] as [UInt32] {
            #expect(snapshot[mark: 0x8000_0000 | number]?.facts.name == "vm\(number)")
        }
        #expect(snapshot[mark: 0x8000_0002] == nil)
        #expect(snapshot[mark: 0x8000_0000 | 0xfffff] == nil)
    }

    @Test("a mark without the identity bit is nobody's, and neither is number 0")
    func unmarked() {
        var snapshot = DirectorySnapshot()
        snapshot.set(document("a"), number: 0)
        snapshot.set(document("b"), number: 1)
        #expect(snapshot[mark: 1] == nil)
        #expect(snapshot[mark: 0] == nil)
        #expect(snapshot[mark: 0x8000_0000] == nil)
    }

    @Test("a snapshot handed out does not change with its successor")
    func immutable() {
        var snapshot = DirectorySnapshot()
        snapshot.set(document("old"), number: 7)
        let held = snapshot
        snapshot.set(document("new"), number: 7)
        snapshot.set(nil, number: 8)
        #expect(held[mark: 0x8000_0007]?.facts.name == "old")
        #expect(snapshot[mark: 0x8000_0007]?.facts.name == "new")
        snapshot.set(nil, number: 7)
        #expect(snapshot[mark: 0x8000_0007] == nil)
    }
}
