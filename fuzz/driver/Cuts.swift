/// Reads bytes that come in pieces of that size, and says what it read as text.
package typealias PieceReader = (_ bytes: [UInt8], _ piece: Int) -> String

/// What is read must not depend on how the bytes were cut, whatever they are.
package func requireSame(_ bytes: [UInt8], cutInto piece: Int, _ read: PieceReader) {
    let whole = read(bytes, max(1, bytes.count))
    let pieces = read(bytes, piece)
    precondition(whole == pieces, "cut into \(piece): \(pieces); whole: \(whole)")
}

/// An input of libFuzzer taken apart: its first byte chooses the size of the pieces and, by its highest bit, a variant.
package struct FuzzInput {
    /// From 1 to 64.
    package var piece: Int
    /// Whether the first byte's highest bit is set.
    package var isVariant: Bool
    /// What follows.
    package var bytes: [UInt8]

    /// Copies what libFuzzer lends for the length of a call; nil for no bytes.
    package init?(_ start: UnsafePointer<UInt8>, _ count: Int) {
        guard count > 0 else { return nil }
        // SAFETY: libFuzzer lends `count` bytes for the length of its call, on its one thread.
        let input = UnsafeBufferPointer(start: start, count: count)
        piece = Int(input[0] % 64) + 1
        isVariant = input[0] >= 128
        bytes = Array(input.dropFirst())
    }
}
