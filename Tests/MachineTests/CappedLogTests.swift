import Foundation
import Machine
import TestSupport
import Testing

@Suite("A log that keeps the last bytes")
struct CappedLogTests {
    private func size(_ path: String) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    }

    @Test("it never holds more than its limit, and always the last half of it", arguments: [1, 7, 512, 1024, 5000])
    func capped(_ piece: Int) throws {
        let directory = try TemporaryDirectory("log")
        let log = CappedLog(path: directory.path + "/log", limit: 2048)
        var all: [UInt8] = []
        for number in 0..<(20_000 / piece) {
            let bytes = (0..<piece).map { UInt8(truncatingIfNeeded: $0 &+ number) }
            log.append(bytes)
            all += bytes
            #expect(size(log.path) <= 1024)
            #expect(size(log.path + ".1") <= 1024)
        }
        #expect(log.tail(1024) == Array(all.suffix(1024)))
        #expect(log.tail(10) == Array(all.suffix(10)))
        #expect(log.tail(0).isEmpty)
        #expect(log.lost == 0)
    }

    @Test("a log that exists is continued")
    func continued() throws {
        let directory = try TemporaryDirectory("log")
        let path = directory.path + "/log"
        CappedLog(path: path, limit: 100).append(Array("one ".utf8))
        let log = CappedLog(path: path, limit: 100)
        log.append(Array("two".utf8))
        #expect(String(decoding: log.tail(100), as: UTF8.self) == "one two")
    }

    @Test("a disk that is full costs bytes, which are counted, and nothing else")
    func full() throws {
        let log = CappedLog(path: "/dev/full", limit: 100)
        log.append(Array("lost".utf8))
        #expect(log.lost == 4)
        let nowhere = CappedLog(path: "/nowhere/log")
        nowhere.append([1, 2, 3])
        #expect(nowhere.lost == 3)
    }
}
