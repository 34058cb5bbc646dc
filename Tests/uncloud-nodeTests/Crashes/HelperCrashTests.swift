import Foundation
import Runtime
import TestSupport
import Testing

/// The net-helper and dnsmasq killed before and after each call of the helper that a life of VMs, networks and helpers makes. The
/// places are found by a first run. `UNCLOUD_CRASH_ROUNDS` says how often all of them (`make test-full`).
@Suite("A helper that is killed")
struct HelperCrashTests {
    @Test(
        "killed at any place, it or dnsmasq, every command succeeds and nothing is left: a VM with a tap, others' interfaces, networks",
        arguments: ["tap", "others"])
    func everyPlace(_ lane: String) async throws {
        guard try Requirement.need("nsenter") else { return }
        let wanted = ProcessInfo.processInfo.environment["UNCLOUD_CRASH_ROUNDS"].flatMap { Int($0) } ?? 1
        // Beside the other matrix, which takes several times as long.
        let rounds = max(1, wanted / 4)
        let host = try await TestNamespace.make(inUserNamespace: false)
        try await host.succeed("ip", "link", "add", "q0", "type", "veth", "peer", "name", "q0peer")
        try await LivingNode.with(
            "helper-\(lane)", environment: HelperLane.environment(in:), host: host,
            within: .seconds(180 * rounds)
        ) { node in
            let steps = lane == "tap" ? HelperLane.tap : HelperLane.others
            let lane = HelperLane(node: node, host: host, steps: steps)
            let places = try await lane.record()
            for case (.run(let command), let places) in zip(steps, places) {
                #expect(!places.isEmpty, "\(command) asks nothing of the helper")
            }
            var killed = 0
            for _ in 0..<rounds {
                for number in 0..<(places.map(\.count).max() ?? 0) {
                    killed += try await lane.round(number, first: .helper, places)
                    killed += try await lane.round(number, first: .dnsmasq, places)
                }
            }
            print("killed at \(killed) places")
        }
    }
}
