import JSON
import Model
import Testing

@Suite("Names, sizes, times, keys")
struct ValueTests {
    @Test("a number of things is told as people do", arguments: [(0, "0 VMs"), (1, "1 VM"), (2, "2 VMs")])
    func counts(count: Int, text: String) { #expect(counted(count, "VM") == text) }

    @Test(
        "names are DNS labels in lower case",
        arguments: [
            ("web1", true), ("a", true), ("0", true), ("a-b", true), (String(repeating: "a", count: 63), true),
            ("", false), ("-a", false), ("a-", false), ("Web", false), ("a.b", false), ("a_b", false), ("a b", false),
            ("é", false), ("a/b", false), ("a\n", false), (String(repeating: "a", count: 64), false),
        ])
    func names(text: String, isValid: Bool) {
        #expect((Name(text) != nil) == isValid)
        let error = Name.error(for: text, field: "name", pointer: "/name")
        #expect((error == nil) == isValid)
        #expect(error?.message.contains("\n") != true)
    }

    @Test("a refused name comes with one that would do")
    func nameSuggestions() {
        let error = Name.error(for: "My Web_Server!", field: "name", pointer: "/name")
        #expect(error?.message == "name \"My Web_Server!\" has the upper-case letter \"M\"")
        #expect(error?.fix.hasSuffix("for example \"my-web-server\"") == true)
        #expect(Name.nearest(to: "---") == nil)
    }

    @Test(
        "sizes are read with their units",
        arguments: [
            ("2GiB", 2 << 30), ("512MiB", 512 << 20), ("1.5GiB", 3 << 29), ("1 TiB", 1 << 40), ("20GB", 20_000_000_000),
            ("0B", 0), ("0.125KiB", 128), ("1kB", 1000), ("8191PiB", 8191 << 50), ("007MiB", 7 << 20),
        ] as [(String, Int64)])
    func sizes(text: String, bytes: Int64) throws {
        #expect(try ByteSize(text).bytes == bytes)
        #expect(try ByteSize(ByteSize(bytes: bytes).description).bytes == bytes)
    }

    @Test(
        "a size without a unit, or with a wrong one, is refused with the way out",
        arguments: [
            ("2048", "unit", "\"2048MiB\""), ("", "number", "2GiB"), ("GiB", "number", "2GiB"),
            ("2G", "unit-unknown", "\"2GiB\""),
            ("2gib", "unit-unknown", "\"2GiB\""), ("2m", "unit-unknown", "\"2MiB\""),
            ("2 bananas", "unit-unknown", "one of B"),
            ("-2GiB", "number", "2GiB"), ("1.5.5GiB", "number", "1.5GiB"), ("0.1B", "fraction", "smaller"),
            ("1.2345GiB", "fraction", "smaller"), ("1.GiB", "number", "2GiB"), ("9999PiB", "too-large", "smaller"),
            ("99999999999999999999B", "too-large", "smaller"), ("2GiB ", "unit-unknown", "one of B"),
            ("２GiB", "number", "2GiB"),
            ("8192PiB", "too-large", "smaller"),
        ])
    func badSizes(text: String, code: String, fix: String) {
        do throws(ByteSize.Defect) {
            let size = try ByteSize(text)
            Issue.record("\(text) became \(size)")
        } catch {
            #expect(error.code == code)
            #expect(error.fix.contains(fix), "\(error.fix)")
        }
    }

    @Test(
        "times are written and read as RFC 3339",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_700_000_000_250, "2023-11-14T22:13:20.250Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59.999Z"), (1_795_392_000_000, "2026-11-23T00:00:00Z"),
        ] as [(Int64, String)])
    func times(milliseconds: Int64, text: String) {
        #expect(Timestamp.text(unixMilliseconds: milliseconds) == text)
        #expect(Timestamp.unixMilliseconds(text) == milliseconds)
        let aligned = Timestamp.text(unixMilliseconds: milliseconds, alwaysFraction: true)
        #expect(aligned.utf8.count == 24)
        #expect(Timestamp.unixMilliseconds(aligned) == milliseconds)
    }

    @Test(
        "what is no time in UTC is refused",
        arguments: [
            "", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00",
            "2026-01-01",
            "2026-01-01T00:00:00+01:00", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:0xZ",
        ])
    func badTimes(text: String) {
        #expect(Timestamp.unixMilliseconds(text) == nil)
    }

    @Test("identities are random UUIDs in lower case")
    func identities() {
        let first = VMID.random()
        #expect(first != VMID.random())
        #expect(VMID(first.text.uppercased()) == first)
        #expect(Array(first.text)[14] == "4")
        #expect("89ab".contains(Array(first.text)[19]))
        #expect(VMID("not") == nil)
        #expect(VMID("00000000-0000-0000-0000-00000000000g") == nil)
    }

    @Test("every key is read back as what it is about")
    func storeKeys() throws {
        let id = VMID.random()
        let owner = try #require(Name("default"))
        let name = try #require(Name("web1"))
        let mac = MACAddress.fromHostIndex(1, suffix: 2)
        let cases: [(String, StoredKind)] = [
            (KeyPath.vm(id), .vm(id)), (KeyPath.vmStatus(id), .vmStatus(id)), (KeyPath.vmHost(id), .vmHost(id)),
            (KeyPath.tombstone("vm", id.text), .tombstone(kind: "vm", id: id.text)),
            (KeyPath.name(owner, name), .name(owner: owner, name)), (KeyPath.mac(mac), .mac(mac)),
            (KeyPath.network(name), .network(name)), (KeyPath.network("web1"), .network(name)),
            (KeyPath.host(0xab), .host(0xab)), (KeyPath.key(owner, name), .key(owner: owner, name)),
        ]
        for (key, kind) in cases {
            #expect(key.hasPrefix("/uncloud/v1/"))
            #expect(StoredKind(key: key) == kind, "\(key)")
        }
        #expect(KeyPath.host(0xab) == "/uncloud/v1/hosts/00ab")
        for key in [
            "/other/vms/x", "/uncloud/v1/vms/x", KeyPath.vm(id) + "/more", KeyPath.vmStatus(id) + "/x", "/uncloud/v1/",
        ] {
            #expect(StoredKind(key: key) == nil, "\(key)")
        }
    }

    @Test("a mistyped word finds the one that was meant")
    func nearestWord() {
        #expect(nearest(to: "memmory", among: ["memory", "cpus"]) == "memory")
        #expect(nearest(to: "sshkeys", among: ["sshKeys", "cpus"]) == "sshKeys")
        #expect(nearest(to: "cpu", among: ["memory", "cpus"]) == "cpus")
        #expect(nearest(to: "mermoy", among: ["memory"]) == "memory")
        #expect(nearest(to: "banana", among: ["memory", "cpus"]) == nil)
        #expect(nearest(to: "", among: ["memory"]) == nil)
    }

    @Test("a problem is written and read back")
    func problems() {
        let error = FieldError(pointer: "/spec/memory", code: "unit", message: "m", fix: "f")
        let problem = ProblemError.invalid([error, error], code: "vm.invalid")
        #expect(problem.detail == "m (and 1 more)")
        #expect(problem.fix == "f")
        #expect(problem.json["type"] == "urn:uncloud:problem:vm.invalid")
        #expect(problem.json["errors"]?[0]?["pointer"] == "/spec/memory")
        #expect(ProblemError(json: problem.json) == problem)
        #expect(ProblemError(json: ["a": 1]) == nil)
        #expect(ProblemError.notFound("vm", "we\nb").detail == "no vm \"we\\u{a}b\"")
    }
}
