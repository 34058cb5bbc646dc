/// Numbers for things that the kernel knows by a number on this host: network cards (their mark) and networks.
///
/// Handed out in a circle, so that a number rests as long as it can before it is used again: a connection accepted for
/// a VM now gone must not meet its number's next owner.
package struct NumberPool: Sendable {
    private var taken: Set<UInt32> = []
    private var next: UInt32 = 1
    private let last: UInt32

    package init(last: UInt32) {
        self.last = last
    }

    package mutating func take() -> UInt32? {
        guard taken.count < Int(last) else { return nil }
        while taken.contains(next) { advance() }
        let number = next
        taken.insert(number)
        advance()
        return number
    }

    package mutating func markTaken(_ number: UInt32) {
        guard taken.insert(number).inserted else { return }
        if number >= next { next = number >= last ? 1 : number + 1 }
    }

    package mutating func giveBack(_ number: UInt32) {
        taken.remove(number)
    }

    private mutating func advance() {
        next = next >= last ? 1 : next + 1
    }
}
