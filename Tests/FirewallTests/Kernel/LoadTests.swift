import Firewall
import Glibc
import Model
import Testing

extension KernelTests {
    @Test("10,000 ports load in one transaction, and one guest's change costs the same as with two")
    func load() async throws {
        let report = try await inFreshNamespace {
            try Lab.build()
            let nft = NFTContext()
            var rules = try Lab.ruleset()
            for number in UInt32(0x1000)..<0x1000 + 10_000 {
                let name = "v" + MACAddress(0x42_0000_0000_00 | UInt64(number)).hex
                rules.ports[name] = try Lab.guest(name, number, on: "b1", ipv4: IPv4Address(10 << 24 | number))
            }
            var report = Report()
            let text = report.measure("rendered") { renderFull(rules) }
            try report.measure("loaded") { try nft.apply(text) }
            var more = rules
            more.ports["n"] = try Lab.guest("n", 0xfffff, on: "b1")
            let change = report.measure("difference of one guest rendered") { renderChange(from: rules, to: more) }
            report.changeLines = change?.split(separator: "\n").count ?? 0
            try report.measure("one guest added") { try nft.apply(change ?? "") }
            let back = renderChange(from: more, to: rules) ?? ""
            try report.measure("one guest removed") { try nft.apply(back) }
            let structure = try report.measure("structure read") { try nft.structure() }
            report.missing = structure.missing(of: rules)
            report.missing += try report.measure("checked whole") { try nft.check(rules) }
            _ = try report.measure("counters read") { try nft.counters() }
            return report
        }
        print("10,000 ports, milliseconds of CPU: \(report.text)")
        #expect(report.missing == [])
        #expect(report.changeLines > 0 && report.changeLines < 60)
    }
}

private struct Report: Sendable {
    var text = ""
    var missing: [String] = []
    var changeLines = 0

    mutating func measure<T>(_ what: String, _ body: () throws -> T) rethrows -> T {
        let start = cpuMilliseconds()
        let result = try body()
        text += "\(what) \(cpuMilliseconds() - start); "
        return result
    }
}

/// The CPU time of the calling thread, to a tenth of a millisecond.
private func cpuMilliseconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return Double(now.tv_sec * 10_000 + now.tv_nsec / 100_000) / 10
}
