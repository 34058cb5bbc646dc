/// Which guest has which mark: the immutable table that each loop looks requests up in.
///
/// A mark is `0x8000_0000 | number`; the number is the network card's on this host, 1...0xfffff, and the index into a
/// two-level table. A change copies one leaf of 256 references and the spine, whatever the number of guests.
package struct DirectorySnapshot: Sendable {
    package static let markFlag: UInt32 = 0x8000_0000
    package static let maximumNumber: UInt32 = 0xfffff
    private static let leafSize = 256

    private final class Leaf: Sendable {
        let documents: [GuestDocument?]

        init(_ documents: [GuestDocument?]) {
            self.documents = documents
        }
    }

    private var leaves: [Leaf?] = []

    package init() {}

    /// The document of the guest with this mark; nil for a mark without the flag, of no guest, or out of range.
    package subscript(mark mark: UInt32) -> GuestDocument? {
        guard mark & Self.markFlag != 0 else { return nil }
        let number = Int(mark & ~Self.markFlag)
        let leaf = number / Self.leafSize
        guard leaf < leaves.count else { return nil }
        return leaves[leaf]?.documents[number % Self.leafSize]
    }

    /// Sets or, with nil, removes the document of a network card's number. Numbers out of range are ignored.
    package mutating func set(_ document: GuestDocument?, number: UInt32) {
        guard number > 0, number <= Self.maximumNumber else { return }
        let leaf = Int(number) / Self.leafSize
        while leaves.count <= leaf { leaves.append(nil) }
        var documents = leaves[leaf]?.documents ?? Array(repeating: nil, count: Self.leafSize)
        documents[Int(number) % Self.leafSize] = document
        leaves[leaf] = Leaf(documents)
    }
}
