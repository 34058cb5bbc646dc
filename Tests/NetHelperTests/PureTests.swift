import CLinux
import Glibc
import JSON
import Model
import NetHelper
import Network
import TestSupport
import Testing

@Suite("what a helper remembers")
struct JournalTests {
    @Test("every step survives its line; a cut-off line is no step")
    func lines() throws {
        let network = try Plans.network(3)
        let port = HelperMemory.Port(
            plan: Plans.tap(1, network),
            origin: .init(name: "guest7", isHosts: true, wasUp: true, disabledIPv6: "0"))
        let steps: [HelperMemory.Step] = [
            .begin(namespace: 4_026_532_177), .network(network), .noNetwork(3), .port(port), .noPort("v1"),
            .generation(.max),
        ]
        for step in steps {
            let line = try step.line()
            #expect(HelperMemory.Step(line: line) == step)
            #expect(HelperMemory.Step(line: Array(line.dropLast())) == nil)
        }
        #expect(HelperMemory.Step(line: Array(#"{"newer-step":1}"#.utf8)) == nil)
    }

    @Test("a journal opened again holds what was noted, and one of another namespace nothing")
    func reopened() throws {
        let directory = try TemporaryDirectory("journal")
        let path = directory.file("journal")
        let network = try Plans.network(3)
        let port = HelperMemory.Port(plan: Plans.tap(1, network), origin: nil)
        let journal = try HelperJournal(path: path, namespace: 7)
        for step: HelperMemory.Step in [.network(network), .port(port), .generation(5)] { try journal.note(step) }
        try "{\"port\": {\"cut".appendLine(to: path)
        let again = try HelperJournal(path: path, namespace: 7)
        #expect(again.memory == journal.memory)
        #expect(again.memory.generation == 5)
        #expect(try HelperJournal(path: path, namespace: 8).memory == HelperMemory(namespace: 8))
    }

    @Test("a journal does not grow with the number of changes")
    func compaction() throws {
        let directory = try TemporaryDirectory("journal")
        let path = directory.file("journal")
        let journal = try HelperJournal(path: path, namespace: 7)
        for index: UInt32 in 0..<5000 { try journal.note(.generation(index)) }
        #expect(try directory.read("journal").split(separator: "\n").count < 1100)
        #expect(try HelperJournal(path: path, namespace: 7).memory.generation == 4999)
    }
}

extension String {
    fileprivate func appendLine(to path: String) throws {
        let fd = open(path, O_WRONLY | O_APPEND)
        defer { close(fd) }
        _ = Glibc.write(fd, self, utf8.count)
    }
}

@Suite("notices of the firewall's changes")
struct RulesEventTests {
    private func message(_ kind: Int, port: UInt32, _ fill: (inout NetlinkMessage) -> Void) -> NetlinkReply {
        var message = NetlinkMessage("test", type: kind, header: [0, 0, 0, 0])
        fill(&message)
        return NetlinkReply(
            type: CL_NFNL_SUBSYS_NFTABLES << 8 | kind, port: port, payload: Array(message.encoded(sequence: 0)[16...]))
    }

    private func closing(port: UInt32, number: UInt32 = 1) -> NetlinkReply {
        message(CL_NFT_MSG_NEWGEN, port: port) { message in
            var id: [UInt8] = []
            id.appendBig(number)
            message.add(CL_NFTA_GEN_ID, id)
            var pid: [UInt8] = []
            pid.appendBig(UInt32(4711))
            message.add(CL_NFTA_GEN_PROC_PID, pid)
            message.add(CL_NFTA_GEN_PROC_NAME, "nft")
        }
    }

    @Test("a foreign change of our table counts, with its author")
    func foreign() {
        let change = message(CL_NFT_MSG_DELTABLE, port: 9) { $0.add(CL_NFTA_TABLE_NAME, "uncloud") }
        let event = RulesEvent([change, closing(port: 9)], ownPort: 5)
        #expect(event.isTouched)
        #expect(event.culprit == "nft (4711)")
    }

    @Test("a touch is placed after the last transaction that was complete before it, whoever made that")
    func order() {
        let change = message(CL_NFT_MSG_DELTABLE, port: 9) { $0.add(CL_NFTA_TABLE_NAME, "uncloud") }
        let first = RulesEvent([change], ownPort: 5)
        #expect(first.after == nil && first.latest == nil)
        let ends = [closing(port: 9, number: 7), closing(port: 5, number: 8)]
        let rest = RulesEvent([change] + ends, ownPort: 5, latest: 6)
        #expect(rest.after == 6 && rest.latest == 8)
        let next = RulesEvent([change, change], ownPort: 5, latest: rest.latest)
        #expect(next.after == 8 && next.latest == 8)
    }

    @Test("our own changes, and those of other tables, do not")
    func others() {
        let own = message(CL_NFT_MSG_DELSETELEM, port: 5) { $0.add(CL_NFTA_TABLE_NAME, "uncloud") }
        let other = message(CL_NFT_MSG_NEWTABLE, port: 9) { $0.add(CL_NFTA_TABLE_NAME, "filter") }
        #expect(!RulesEvent([own, closing(port: 5), other, closing(port: 9)], ownPort: 5).isTouched)
    }
}

@Suite("the helper's small rules")
struct SmallRulesTests {
    @Test("twenty mends in a second go at once, the next ones wait")
    func mendLimiter() {
        var limiter = MendLimiter()
        for index in 0..<20 { #expect(limiter.delay(at: Double(index)) == 0) }
        #expect(limiter.delay(at: 20) == MendLimiter.pause)
        #expect(limiter.delay(at: 2000) == 0)
    }

    @Test("the pause before a restart doubles to its limit, and a healthy life resets it")
    func backoff() {
        var backoff = RestartBackoff()
        #expect((0..<4).map { _ in backoff.delay(after: 0) } == [0.1, 0.2, 0.4, 0.8])
        for _ in 0..<10 { _ = backoff.delay(after: 1) }
        #expect(backoff.delay(after: 1) == RestartBackoff.longest)
        #expect(backoff.delay(after: RestartBackoff.healthy) == RestartBackoff.first)
    }

    @Test("dnsmasq's configuration says what the network is, and nothing of the host")
    func configuration() throws {
        let text = DnsmasqConfiguration.text(try Plans.network(1), device: "svc0")
        for line in [
            "interface=svc0", "no-resolv", "no-hosts", "enable-ra", "dhcp-range=fd00:1::,ra-only,64,86400",
            "dhcp-option=option6:dns-server,[fd00:1::1]", "dhcp-option=option6:domain-search,uncloud.internal",
            "host-record=metadata,metadata.uncloud.internal,fd00:ec2::254", "quiet-ra",
        ] {
            #expect(text.split(separator: "\n").contains(Substring(line)), "\(line)")
        }
    }
}
