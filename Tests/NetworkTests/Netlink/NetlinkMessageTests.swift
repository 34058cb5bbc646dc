import CLinux
import Glibc
import Network
import Testing

@Suite("netlink messages")
struct NetlinkMessageTests {
    @Test("a message is a header, its fixed part and attributes padded to four bytes")
    func encoding() {
        var message = NetlinkMessage("test", type: CL_RTM_NEWLINK, flags: CL_NLM_F_CREATE, header: [1, 2, 3, 4])
        message.add(CL_IFLA_IFNAME, "b1")
        message.add(CL_IFLA_MTU, UInt32(1280))
        let bytes = message.encoded(sequence: 7, extraFlags: CL_NLM_F_ACK)
        #expect(bytes.count == 16 + 4 + 8 + 8)
        #expect(bytes.native(UInt32.self, at: 0) == UInt32(bytes.count))
        #expect(bytes.native(UInt16.self, at: 4) == UInt16(CL_RTM_NEWLINK))
        #expect(bytes.native(UInt16.self, at: 6) == UInt16(CL_NLM_F_CREATE | CL_NLM_F_ACK | CL_NLM_F_REQUEST))
        #expect(bytes.native(UInt32.self, at: 8) == 7)
        #expect(Array(bytes[20..<28]) == [7, 0, 3, 0, UInt8(ascii: "b"), UInt8(ascii: "1"), 0, 0])
    }

    @Test("what was encoded is read back, nested attributes too")
    func roundTrip() throws {
        let message = LinkMessage.addVeth(
            "s1", mac: [2, 0, 0, 0, 0, 1], peer: "svc0", peerMAC: [2, 0, 0, 0, 0, 2], mtu: 1400, peerNamespace: 9)
        let replies = NetlinkReply.all(in: message.encoded(sequence: 3))
        let reply = try #require(replies.first)
        #expect(replies.count == 1)
        #expect(reply.type == CL_RTM_NEWLINK)
        let attributes = reply.attributes(after: 16)
        #expect(attributes.text(CL_IFLA_IFNAME) == "s1")
        #expect(attributes.number(CL_IFLA_MTU) == 1400)
        let info = try #require(attributes.nested(CL_IFLA_LINKINFO))
        #expect(info.text(CL_IFLA_INFO_KIND) == "veth")
        let peer = try #require(info.nested(CL_IFLA_INFO_DATA)?[CL_VETH_INFO_PEER])
        let inner = NetlinkAttributes(Array(peer[16...]))
        #expect(inner.text(CL_IFLA_IFNAME) == "svc0")
        #expect(inner[CL_IFLA_ADDRESS] == [2, 0, 0, 0, 0, 2])
        #expect(inner.number(CL_IFLA_NET_NS_FD) == 9)
    }

    @Test("a cut-off datagram gives the messages that are whole")
    func truncation() {
        let one = LinkMessage.list().encoded(sequence: 1)
        let both = one + LinkMessage.get("lo").encoded(sequence: 2)
        for length in 0...both.count {
            let found = NetlinkReply.all(in: Array(both[..<length])).count
            #expect(found == (length < one.count ? 0 : length < both.count ? 1 : 2))
        }
    }

    @Test("attributes with lying lengths end the list")
    func lyingAttributes() {
        #expect(NetlinkAttributes([3, 0, 1, 0])[1] == nil)
        #expect(NetlinkAttributes([200, 0, 1, 0, 5])[1] == nil)
        #expect(NetlinkAttributes([4, 0, 1, 0, 255, 0, 2, 0]) == NetlinkAttributes([4, 0, 1, 0]))
        #expect(NetlinkAttributes([5, 0, 1, 0, 9]).number(1) == nil)
    }

    @Test("an error carries the kernel's own words, whether or not the request is echoed")
    func extendedAck() throws {
        func error(capped: Bool) -> NetlinkError? {
            let echoed: [UInt8] = capped ? [] : [1, 2, 3, 4]
            var bytes: [UInt8] = []
            let text = Array("No such thing".utf8) + [0]
            bytes.appendNative(UInt32(16 + 4 + 16 + echoed.count + 4 + text.count))
            bytes.appendNative(UInt16(CL_NLMSG_ERROR))
            bytes.appendNative(UInt16(CL_NLM_F_ACK_TLVS | (capped ? CL_NLM_F_CAPPED : 0)))
            bytes.appendNative(UInt32(1))
            bytes.appendNative(UInt32(0))
            bytes.appendNative(-ENODEV)
            bytes.appendNative(UInt32(20))
            bytes += [UInt8](repeating: 0, count: 12) + echoed
            bytes.appendNative(UInt16(4 + text.count))
            bytes.appendNative(UInt16(CL_NLMSGERR_ATTR_MSG))
            bytes += text
            return NetlinkReply.all(in: bytes).first?.error("look")
        }
        for capped in [true, false] {
            let found = try #require(error(capped: capped))
            #expect(found.errno == ENODEV)
            #expect(found.text == "No such thing")
            #expect(found.description == "look: No such thing (No such device)")
        }
    }

    @Test("the real kernel answers: lo is there, a missing link is ENODEV, a foolish request is told why")
    func realKernel() throws {
        let socket = try NetlinkSocket()
        let lo = try #require(LinkInfo(try socket.get(LinkMessage.get("lo"))))
        #expect(lo.name == "lo")
        #expect(lo.index == 1)
        #expect(lo.hardwareType == UInt16(CL_ARPHRD_LOOPBACK))
        #expect(try socket.dump(LinkMessage.list()).compactMap { LinkInfo($0) }.contains { $0.name == "lo" })
        #expect(throws: NetlinkError.self) { try socket.get(LinkMessage.get("no-such-link")) }
        var strict = NetlinkMessage("a foolish dump", type: CL_RTM_GETADDR, header: [10, 64, 0, 0, 0, 0, 0, 0])
        strict.add(CL_IFA_ADDRESS, [UInt8](repeating: 0, count: 16))
        do {
            _ = try socket.dump(strict)
            Issue.record("the kernel took a foolish request")
        } catch {
            #expect("\(error)".contains("Invalid argument"), "\(error)")
        }
    }
}
