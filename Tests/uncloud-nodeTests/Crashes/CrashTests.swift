import Foundation
import Runtime
import TestSupport
import Testing

/// The daemon killed before and after each store write, helper call, exec and QMP command of create, start, stop, restart and
/// delete. The places are found by a first run. `UNCLOUD_CRASH_ROUNDS` says how often all of them (`make test-full`).
@Suite("A daemon that is killed", .serialized)
struct CrashTests {
    private static let lanes = 2

    @Test("killed at any place, the node converges: nothing doubled, nothing deleted left, nothing alive touched")
    func everyPlace() async throws {
        guard try Requirement.need("root", "tun", "dnsmasq", "ip", "nsenter", "qemu-system-x86_64", RealDaemon.binary)
        else {
            return
        }
        let rounds = ProcessInfo.processInfo.environment["UNCLOUD_CRASH_ROUNDS"].flatMap { Int($0) } ?? 1
        try await bounded("the crashes", within: .seconds(420 * rounds)) {
            let first = try await CrashLane("crash-0")
            let all = try await first.record()
            for kind in [
                "store", "store vm status restart", "exec qemu", "helper", "helper attachInterface",
                "qmp push1 system_powerdown",
                "qmp crash1 qmp_capabilities", "qmp crash1 cont",
                "qmp crash1 system_powerdown", "qmp off1 quit", "qmp alive1 query-status",
            ] {
                #expect(all.contains { $0.line.contains(" \(kind)") }, "no place of a \(kind)")
            }
            let places = (0..<rounds).flatMap { _ in all }
            let missed = Recorder<String>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<Self.lanes {
                    group.addTask {
                        let node = lane == 0 ? first : try await CrashLane("crash-\(lane)")
                        for (index, place) in places.enumerated() where index % Self.lanes == lane {
                            let isReached = try await node.turn(place)
                            if !isReached { missed.add("\(place.life[0][2]): \(place.line)") }
                            #expect(isReached || !place.isSure, "\(place.line) was not reached")
                        }
                        try await node.remove()
                    }
                }
                try await group.waitForAll()
            }
            #expect(missed.values.count * 20 <= places.count, "too many places were not reached: \(missed.values)")
            print("killed at \(places.count - missed.values.count) of \(places.count) places")
        }
    }

    @Test("killed at any place of its very first start, the next start makes the node, with one of each process")
    func firstStart() async throws {
        guard try Requirement.need("root", "tun", "dnsmasq", "qemu-system-x86_64", RealDaemon.binary) else { return }
        try await bounded("the first starts", within: .seconds(240)) {
            let places = try await FirstStart("first").record()
            for kind in [
                "store host", "exec holder", "exec helper", "exec keeper", "exec probe", "qmp probe query-machines",
            ] {
                #expect(places.contains { $0.hasSuffix(kind) }, "no place of \(kind)")
            }
            for (index, place) in places.enumerated() { try await FirstStart("first-\(index)").turn(place) }
        }
    }
}
