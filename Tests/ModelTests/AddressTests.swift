import Glibc
import Model
import Testing

@Suite("Addresses")
struct AddressTests {
    @Test(
        "IPv6 addresses are written by RFC 5952",
        arguments: [
            ("2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("0:0:0:0:0:0:0:0", "::"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("FE80::A9FE:A9FE", "fe80::a9fe:a9fe"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("::1.2.3.4", "::102:304"), ("0001::00ff", "1::ff"),
        ])
    func rfc5952(text: String, canonical: String) {
        #expect(IPv6Address(text)?.description == canonical)
        #expect(IPv6Address(canonical)?.description == canonical)
    }

    @Test(
        "what is no IPv6 address is refused",
        arguments: [
            "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "::1::", ":1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:", "12345::", "g::", "::1%eth0", "::1/64", " ::1", "::1 ", "1.2.3.4", "::1.2.3",
            "::1.2.3.4:5",
            "::256.1.1.1", "::01.2.3.4", "1:2:3:4:5:6:7::8", "1:2:3:4:5:6:7:1.2.3.4", "::ffff:1.2.3.4.5", "-1::",
            "0x1::",
            "1::é",
        ])
    func notIPv6(text: String) {
        #expect(IPv6Address(text) == nil)
    }

    @Test("the parser and the writer agree with the C library's")
    func againstInet() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("0123af:::.".utf8)
        for round in 0..<20_000 {
            let text: String
            if round % 2 == 0 {
                // Addresses with many zero groups.
                let groups = (0..<8).map { _ in
                    Bool.random(using: &generator) ? 0 : UInt16.random(in: 0...0xffff, using: &generator)
                }
                text = groups.map { String($0, radix: 16) }.joined(separator: ":")
            } else {
                let length = Int.random(in: 2...14, using: &generator)
                text = String(
                    decoding: (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] },
                    as: UTF8.self)
            }
            var raw = [UInt8](repeating: 0, count: 16)
            let isValid = inet_pton(AF_INET6, text, &raw) == 1
            let ours = IPv6Address(text)
            #expect(ours?.bytes == (isValid ? raw : nil), "\(text)")
            guard isValid, let ours, !ours.isIPv4Mapped, ours.high != 0 else { continue }
            var buffer = [CChar](repeating: 0, count: 46)
            inet_ntop(AF_INET6, raw, &buffer, 46)
            #expect(
                ours.description
                    == String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
    }

    @Test("bytes, groups and halves fit together")
    func parts() {
        let address = IPv6Address("2001:db8::a4f2")
        #expect(address?.high == 0x2001_0db8_0000_0000)
        #expect(address?.low == 0xa4f2)
        #expect(address.flatMap { IPv6Address(bytes: $0.bytes) } == address)
        #expect(address?.groups == [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xa4f2])
        #expect(IPv6Address(bytes: [1, 2, 3]) == nil)
    }

    @Test("the kinds of addresses are told apart")
    func kinds() {
        #expect(IPv6Address("febf::1")?.isLinkLocal == true)
        #expect(IPv6Address("fec0::1")?.isLinkLocal == false)
        #expect(IPv6Address("ff02::1")?.isMulticast == true)
        #expect(IPv6Address("fd00:ec2::254")?.isUniqueLocal == true)
        #expect(IPv6Address("fe00::")?.isUniqueLocal == false)
        #expect(IPv6Address("3fff::")?.isGlobalUnicast == true)
        #expect(IPv6Address("4000::")?.isGlobalUnicast == false)
    }

    @Test(
        "IPv4 addresses are four decimal numbers",
        arguments: [
            ("169.254.169.254", true), ("0.0.0.0", true), ("255.255.255.255", true), ("256.0.0.1", false),
            ("1.2.3", false),
            ("1.2.3.4.5", false), ("01.2.3.4", false), ("1..2.3", false), ("1.2.3.", false), ("", false),
            ("1.2.3.4 ", false),
            ("0x1.2.3.4", false), ("+1.2.3.4", false),
        ])
    func ipv4(text: String, isValid: Bool) {
        #expect(IPv4Address(text)?.description == (isValid ? text : nil))
    }

    @Test("MAC addresses are written in lower case with colons")
    func mac() {
        #expect(MACAddress("42:00:0A:bC:dE:ff")?.description == "42:00:0a:bc:de:ff")
        #expect(MACAddress("42-00-0A-12-34-56")?.hex == "42000a123456")
        #expect(MACAddress("42:00:0a:12:34:56")?.suffixHex == "123456")
        for text in [
            "", "42:00:0a:12:34", "42:00:0a:12:34:5", "42:00:0a:12:34:567", "42:00-0a:12:34:56", "4g:00:0a:12:34:56",
            "42000a123456",
        ] {
            #expect(MACAddress(text) == nil, "\(text)")
        }
        #expect(throws: FieldError.self) { try MACAddress(parsing: "x") }
    }

    @Test("the node's own MACs carry the host's index and 24 bits")
    func ownMAC() {
        let mac = MACAddress.fromHostIndex(0xabcd, suffix: 0xff12_3456)
        #expect(mac.description == "42:ab:cd:12:34:56")
        #expect(mac.hostIndex == 0xabcd)
        #expect(mac.suffix == 0x12_3456)
        #expect(!mac.isMulticast && mac.isLocal)
        #expect(MACAddress(0x5254_0012_3456).hostIndex == nil)
        #expect(MACAddress(0x0100_5e00_0001).isMulticast)
    }

    @Test("EUI-64 addresses are those of RFC 4291's example")
    func eui64() {
        // 34-56-78-9A-BC-DE gives 36-56-78-FF-FE-9A-BC-DE.
        #expect(MACAddress("34:56:78:9a:bc:de")?.linkLocal.description == "fe80::3656:78ff:fe9a:bcde")
        let mac = MACAddress.fromHostIndex(1, suffix: 2)
        #expect(mac.linkLocal.description == "fe80::4000:1ff:fe00:2")
        #expect(IPv6Prefix("fd00:1::/64")?.eui64(mac).description == "fd00:1::4000:1ff:fe00:2")
    }

    @Test("a prefix has no bits beyond its length")
    func prefixes() {
        #expect(IPv6Prefix("2001:DB8::/64")?.description == "2001:db8::/64")
        for text in [
            "2001:db8::1/64", "2001:db8::", "2001:db8::/129", "2001:db8::/-1", "2001:db8::/064", "/64", "::/", "::/1 ",
            "::/64/64",
        ] {
            #expect(IPv6Prefix(text) == nil, "\(text)")
        }
        #expect(IPv6Prefix("::/0")?.contains(.loopback) == true)
        #expect(IPv6Prefix("::1/128")?.contains(.loopback) == true)
        let prefix = IPv6Prefix("fd00:1:2:3::/64")
        #expect(IPv6Address("fd00:1:2:3:ffff::1").map { prefix?.contains($0) } == true)
        #expect(IPv6Address("fd00:1:2:4::1").map { prefix?.contains($0) } == false)
        #expect(prefix?.host(1).description == "fd00:1:2:3::1")
        #expect(IPv6Prefix("fd00::/8").flatMap { prefix?.overlaps($0) } == true)
        #expect(IPv6Prefix("fd00:1:2:4::/64").flatMap { prefix?.overlaps($0) } == false)
        #expect(
            IPv6Address("2001:db8::5").flatMap { IPv6Prefix(containing: $0, length: 65) }?.description
                == "2001:db8::/65")
    }
}
