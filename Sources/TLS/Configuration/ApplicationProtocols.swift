/// Lists of application protocols as they are on the wire: each name behind a byte with its length (RFC 7301, section 3.1).
enum ApplicationProtocols {
    /// The first of ours that the client's list has too: its place there, without the length.
    static func choose(_ ours: [UInt8], from list: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        var found: Range<Int>?
        ours.withUnsafeBufferPointer { ours in
            found =
                names(ours).lazy.compactMap { own in
                    names(list).first { list[$0].elementsEqual(ours[own]) }
                }.first
        }
        return found
    }

    private static func names(_ list: UnsafeBufferPointer<UInt8>) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var position = 0
        while position < list.count {
            let end = position + 1 + Int(list[position])
            guard end <= list.count else { break }
            found.append((position + 1)..<end)
            position = end
        }
        return found
    }
}
