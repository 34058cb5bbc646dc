import Actors
import Model
import Testing

@Suite("The pool of MAC addresses")
struct MACPoolTests {
    private static func address(_ suffix: UInt32) -> MACAddress { .fromHostIndex(0x1234, suffix: suffix) }

    @Test("the lowest free suffix is handed out, and each only once")
    func lowestFree() {
        var pool = MACPool(hostIndex: 0x1234)
        pool.markTaken(Self.address(2))
        #expect((0..<3).map { _ in pool.take(now: 0)?.suffix } == [1, 3, 4])
    }

    @Test("an address given back is the next to be handed out")
    func givenBack() {
        var pool = MACPool(hostIndex: 0x1234)
        let first = pool.take(now: 0)
        _ = pool.take(now: 0)
        if let first { pool.giveBack(first) }
        #expect(pool.take(now: 0) == first)
    }

    @Test("a freed address rests until its time, and is used again after it")
    func quarantine() {
        var pool = MACPool(hostIndex: 0x1234)
        _ = pool.take(now: 0)
        pool.rest(Self.address(1), until: 100)
        #expect(pool.take(now: 99)?.suffix == 2)
        #expect(pool.take(now: 100)?.suffix == 1)
    }

    @Test("an exhausted range gives nothing, until an address is freed")
    func exhausted() {
        var pool = MACPool(hostIndex: 0x1234, last: 3)
        #expect((0..<3).compactMap { _ in pool.take(now: 0) }.count == 3)
        #expect(pool.take(now: 0) == nil)
        pool.giveBack(Self.address(2))
        #expect(pool.take(now: 0)?.suffix == 2)
    }

    @Test("addresses of other hosts are no concern of the pool's")
    func foreign() {
        var pool = MACPool(hostIndex: 0x1234, last: 1)
        pool.markTaken(.fromHostIndex(0x1235, suffix: 1))
        #expect(pool.take(now: 0)?.suffix == 1)
    }

    @Test("20,000 allocations are 20,000 different addresses of the prefix 42")
    func many() {
        var pool = MACPool(hostIndex: 0xffff)
        let all = (0..<20_000).compactMap { _ in pool.take(now: 0) }
        #expect(Set(all).count == 20_000)
        #expect(all.allSatisfy { $0.description.hasPrefix("42:ff:ff:") })
    }
}

@Suite("The pool of numbers")
struct NumberPoolTests {
    @Test("a number given back is used again only after all others")
    func circle() {
        var pool = NumberPool(last: 3)
        #expect(pool.take() == 1)
        pool.giveBack(1)
        #expect([pool.take(), pool.take(), pool.take(), pool.take()] == [2, 3, 1, nil])
    }

    @Test("numbers of records are passed over")
    func taken() {
        var pool = NumberPool(last: 3)
        pool.markTaken(1)
        pool.markTaken(3)
        #expect([pool.take(), pool.take()] == [2, nil])
    }
}
