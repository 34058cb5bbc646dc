import JSON
import Model
import Testing

@Suite("Specifications")
struct SpecTests {
    static let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f user@host"

    @Test("an empty specification has the defaults")
    func defaults() throws {
        let spec = try VMSpec.parse([:])
        #expect(spec == VMSpec())
        #expect(spec.cpus == 1)
        #expect(spec.memory == 512 << 20)
        #expect(spec.power == .on)
        #expect(spec.restart == .onFailure)
        #expect(spec.nics == [NICSpec(network: "default")])
        #expect(!spec.isExternal)
    }

    @Test("everything that can be written is read")
    func everything() throws {
        let json: JSONValue = [
            "cpus": 4, "memory": "2GiB", "power": "paused", "restart": "always", "kernel": "/boot/vmlinuz",
            "initrd": "/boot/initrd", "append": "console=ttyS0",
            "disks": [
                ["file": "/a.qcow2", "format": "qcow2"], ["file": "/b.raw", "format": "raw", "readOnly": true],
            ],
            "nics": [["network": "blue", "mac": "42:00:00:00:00:01"], ["network": "green"], [:]],
            "sshKeys": [.string(Self.key + "\n"), "key:laptop"], "userData": "#cloud-config\n", "vendorData": "v",
            "networkConfig": "n", "labels": ["app/tier": "web", "empty": ""], "protected": true,
        ]
        let spec = try VMSpec.parse(json)
        #expect(spec.cpus == 4)
        #expect(spec.memory == 2 << 30)
        #expect(spec.power == .paused)
        #expect(spec.restart == .always)
        #expect(
            spec.disks == [
                DiskSpec(file: "/a.qcow2", format: .qcow2), DiskSpec(file: "/b.raw", format: .raw, readOnly: true),
            ])
        #expect(spec.nics.map(\.network) == ["blue", "green", "default"])
        #expect(spec.nics[0].mac == MACAddress("42:00:00:00:00:01"))
        #expect(spec.sshKeys == [Self.key, "key:laptop"])
        #expect(spec.userData == "#cloud-config\n")
        #expect(spec.labels == ["app/tier": "web", "empty": ""])
        #expect(spec.protected == true)
    }

    @Test("null stands for the default, memory may be an integer of bytes")
    func forms() throws {
        let spec = try VMSpec.parse([
            "memory": 268_435_456, "cpus": .null, "kernel": .null, "disks": .null, "labels": .null,
        ])
        #expect(spec == VMSpec(memory: 256 << 20))
        #expect(try VMSpec.parse(["memory": "1.5GiB"]).memory == 3 << 29)
        #expect(try VMSpec.parse(["nics": []]).nics == [])
    }

    @Test("a guest that something else runs has interfaces and no QEMU")
    func external() throws {
        let spec = try VMSpec.parse(["nics": [["network": "blue", "interface": "veth0"]]])
        #expect(spec.isExternal)
        #expect(spec.nics == [NICSpec(network: "blue", interface: "veth0")])
    }

    /// One wrong input a row: the specification, the pointer, the code, and words of message and fix.
    static let wrong: [(JSONValue, String, String, String, String)] = [
        (["memmory": 1], "/spec/memmory", "unknown-field", "\"memmory\" is no known field of spec", "\"memory\""),
        (["banana": 1], "/spec/banana", "unknown-field", "no known field", "known are: append, cpus"),
        (["cpus": 0], "/spec/cpus", "range", "cpus is 0, outside 1 to 256", "from 1 to 256"),
        (["cpus": "2"], "/spec/cpus", "type", "cpus is the string \"2\", not an integer", "without quotes"),
        (["cpus": 1.5], "/spec/cpus", "type", "cpus is the number 1.5", "integer"),
        (["cpus": true], "/spec/cpus", "type", "cpus is true", "integer"),
        (["memory": "2048"], "/spec/memory", "unit", "memory \"2048\" is a number without a unit", "\"2048MiB\""),
        (["memory": "2G"], "/spec/memory", "unit-unknown", "memory \"2G\" has the unknown unit \"G\"", "\"2GiB\""),
        (
            ["memory": 2048], "/spec/memory", "range", "memory is 2KiB, outside 4MiB to 16TiB",
            "perhaps \"2GiB\" was meant"
        ),
        (["memory": -1], "/spec/memory", "range", "memory is -1", "at least 4MiB"),
        (["memory": "1PiB"], "/spec/memory", "range", "memory is 1PiB", "16TiB"),
        (["memory": 536_870_913], "/spec/memory", "step", "not a multiple of 1MiB", "\"513MiB\""),
        (["memory": []], "/spec/memory", "type", "memory is an array, not a size", "\"2GiB\""),
        (
            ["power": "running"], "/spec/power", "word",
            "power is the string \"running\", not one of on, off or paused", "on, off or paused"
        ),
        (["power": true], "/spec/power", "word", "power is true", "\"on\""),
        (["restart": "onfailure"], "/spec/restart", "word", "restart is the string \"onfailure\"", "\"on-failure\""),
        (
            ["kernel": "boot/vmlinuz"], "/spec/kernel", "path", "kernel \"boot/vmlinuz\" is not absolute",
            "absolute path"
        ),
        (["kernel": ""], "/spec/kernel", "path", "is empty", "absolute path"),
        (["kernel": "/a/../b"], "/spec/kernel", "path", "climbs", "without \"..\""),
        (["kernel": "/a\nb"], "/spec/kernel", "path", "kernel \"/a\\u{a}b\" has a control character", "rename"),
        (["kernel": "/a/"], "/spec/kernel", "path", "names a directory", "name a file"),
        (["initrd": "/i"], "/spec/initrd", "needs-kernel", "initrd is given without a kernel", "give kernel"),
        (["append": "quiet"], "/spec/append", "needs-kernel", "append is given without a kernel", "give kernel"),
        (
            ["kernel": "/k", "append": .string(String(repeating: "a", count: 2048))], "/spec/append", "too-large",
            "2048 bytes", "shorten"
        ),
        (["disks": ["file": "/a"]], "/spec/disks", "type", "disks is an object, not an array", "brackets"),
        (
            ["disks": [["file": "/a"]]], "/spec/disks/0/format", "missing", "format is missing in spec/disks/0",
            "never guessed"
        ),
        (["disks": [["format": "raw"]]], "/spec/disks/0/file", "missing", "file is missing", "absolute path"),
        (
            ["disks": [["file": "/a", "format": "vmdk"]]], "/spec/disks/0/format", "word", "not one of raw or qcow2",
            "raw or qcow2"
        ),
        (["disks": ["/a"]], "/spec/disks/0", "type", "disks/0 is the string \"/a\", not an object", "object"),
        (
            ["disks": [["file": "/a", "format": "raw"], ["file": "/a", "format": "raw"]]], "/spec/disks", "duplicate",
            "\"/a\" twice", "readOnly"
        ),
        (
            ["disks": .array(Array(repeating: ["file": "/a", "format": "raw", "readOnly": true], count: 17))],
            "/spec/disks", "count", "17 entries", "leave out 1"
        ),
        (
            ["nics": [["network": "My Net"]]], "/spec/nics/0/network", "name",
            "network \"My Net\" has the upper-case letter", "\"my-net\""
        ),
        (
            ["nics": [["mac": "42:00:00:00:00"]]], "/spec/nics/0/mac", "mac",
            "mac \"42:00:00:00:00\" is not a MAC address", "six pairs"
        ),
        (["nics": [["mac": "01:00:5e:00:00:01"]]], "/spec/nics/0/mac", "mac", "multicast", "six pairs"),
        (["nics": [["mac": "00:00:00:00:00:00"]]], "/spec/nics/0/mac", "mac", "all zero", "six pairs"),
        (
            ["nics": [["mac": "42:00:00:00:00:01"], ["mac": "42:00:00:00:00:01"]]], "/spec/nics/1/mac", "duplicate",
            "given twice", "its own"
        ),
        (
            ["nics": [["interface": "a name that is long"]]], "/spec/nics/0/interface", "interface",
            "not the name of a network interface", "ip link"
        ),
        (["nics": [["interface": "v0"], [:]]], "/spec/nics", "mixed", "nics/1 has no interface", "or none"),
        (
            ["nics": [["interface": "v0"]], "kernel": "/k"], "/spec/kernel", "external",
            "something else runs the guest", "leave out kernel"
        ),
        (["nics": [["netwrok": "a"]]], "/spec/nics/0/netwrok", "unknown-field", "of spec/nics/0", "\"network\""),
        (["sshKeys": "ssh-ed25519 AAAA"], "/spec/sshKeys", "type", "not an array", "brackets"),
        (["sshKeys": [1]], "/spec/sshKeys/0", "type", "sshKeys/0 is a number", ".pub"),
        (
            ["sshKeys": ["ssh-ed25519 AAAA"]], "/spec/sshKeys/0", "ssh-key-truncated", "holds no whole key",
            "copy the whole line"
        ),
        (["sshKeys": ["key:My"]], "/spec/sshKeys/0", "name", "upper-case", "\"my\""),
        (["userData": 1], "/spec/userData", "type", "userData is a number", "quotes"),
        (
            ["userData": .string(String(repeating: "x", count: 1_048_577))], "/spec/userData", "too-large",
            "1048577 bytes, at most 1MiB", "#include"
        ),
        (["labels": ["-a": "x"]], "/spec/labels/-a", "label-key", "key \"-a\"", "letters, digits"),
        (["labels": ["a/b": 1]], "/spec/labels/a~1b", "type", "labels/a/b is the number 1", "quotes"),
        (
            ["labels": ["a": .string(String(repeating: "é", count: 256))]], "/spec/labels/a", "too-large",
            "256 characters", "shorten"
        ),
        (["labels": []], "/spec/labels", "type", "labels is an array", "{\"key\": \"value\"}"),
        (["protected": "yes"], "/spec/protected", "type", "protected is the string \"yes\"", "true or false"),
        ([], "/spec", "type", "spec is an array, not an object", "{}"),
    ]

    @Test("each wrong input is told by field, value and way out, in one line", arguments: wrong.indices)
    func wrongInputs(index: Int) {
        let (json, pointer, code, message, fix) = Self.wrong[index]
        do throws(ProblemError) {
            let spec = try VMSpec.parse(json)
            Issue.record("\(json) was taken as \(spec)")
        } catch {
            #expect(error.status == 422)
            #expect(error.code == "vm.invalid")
            #expect(error.errors.count == 1, "\(error.errors)")
            #expect(error.errors.first?.pointer == pointer)
            #expect(error.errors.first?.code == code)
            #expect(error.errors.first?.message.contains(message) == true, "\(error.errors)")
            #expect(error.errors.first?.fix.contains(fix) == true, "\(error.errors)")
            #expect(!error.description.contains("\n"))
            #expect(error.description.count < 700)
        }
    }

    @Test("all wrong fields are told at once")
    func allErrors() {
        do throws(ProblemError) {
            _ = try VMSpec.parse(["cpus": 0, "memory": "1", "disks": [["file": "a"]], "x": 1], at: "")
            Issue.record("it was taken")
        } catch {
            #expect(Set(error.errors.map(\.pointer)) == ["/cpus", "/memory", "/disks/0/file", "/disks/0/format", "/x"])
            #expect(error.detail.hasSuffix("(and 4 more)"))
        }
    }

    @Test("a specification that would not fit the store is refused, the largest that is taken fits")
    func recordFits() throws {
        let document = String(repeating: "x", count: 800 << 10)
        let tooLarge = { (json: JSONValue) in (try? VMSpec.parse(json)) == nil }
        #expect(tooLarge(["userData": .string(document), "vendorData": .string(document)]))
        // Line feeds take two bytes in JSON.
        #expect(tooLarge(["userData": .string(String(repeating: "\n", count: 1 << 20))]))
        let written: JSONValue = [
            "userData": .string(String(repeating: "x", count: 1 << 20)),
            "append": .string(String(repeating: "a", count: 2047)),
            "kernel": .string("/" + String(repeating: "k", count: 4000)),
        ]
        let name = try #require(Name("a"))
        let record = VMRecord(
            uuid: .random(), owner: name, name: name, spec: written, resolved: try VMSpec.parse(written),
            created: "2026-01-01T00:00:00Z")
        let bytes = try encodeRecord(record)
        #expect(bytes.count < 3 << 19)
        let read = try decodeRecord(VMRecord.self, from: bytes, key: "k")
        #expect(read == record)
        #expect(read.resolved.userData?.utf8.count == 1 << 20)
    }

    @Test("a network needs a /64 of its own")
    func network() throws {
        let spec = try NetworkSpec.parse(["prefix": "FD12:3456:789a:1::/64"])
        #expect(spec.kind == .shared && spec.ra == .managed && spec.dns == .managed && spec.mtu == 1500)
        #expect(spec.prefix.description == "fd12:3456:789a:1::/64")
        #expect(spec.domain == "uncloud.internal")
        #expect(try decode(NetworkSpec.self, from: encode(spec)) == spec)
        let all = try NetworkSpec.parse([
            "prefix": "2001:db8::/64", "kind": "private", "ra": "external", "dns": "none", "mtu": 9000,
            "domain": "a.b-c",
        ])
        #expect(
            all.kind == .private && all.ra == .external && all.dns == .none && all.mtu == 9000 && all.domain == "a.b-c")
    }

    static let wrongNetworks: [(JSONValue, String, String, String, String)] = [
        ([:], "/spec/prefix", "missing", "prefix is missing", "/64"),
        (["prefix": "fd00::/48"], "/spec/prefix", "not-64", "prefix \"fd00::/48\" is no /64", "\"fd00::/64\""),
        (["prefix": "fd00::1/64"], "/spec/prefix", "host-bits", "bits beyond its length", "\"fd00::/64\""),
        (["prefix": "10.0.0.0/24"], "/spec/prefix", "prefix", "\"10.0.0.0/24\" is not an IPv6 prefix", "/64"),
        (["prefix": "fd00::"], "/spec/prefix", "prefix", "is not an IPv6 prefix", "/64"),
        (["prefix": 64], "/spec/prefix", "type", "prefix is the number 64", "quotes"),
        (["prefix": "fd00:ec2::/64"], "/spec/prefix", "metadata", "fd00:ec2::254", "/64"),
        (["prefix": "fe80::/64"], "/spec/prefix", "not-unicast", "neither", "/64"),
        (["prefix": "ff02::/64"], "/spec/prefix", "not-unicast", "neither", "/64"),
        (["prefix": "::/64"], "/spec/prefix", "not-unicast", "neither", "/64"),
        (["prefix": "fd00::/64", "mtu": 1279], "/spec/mtu", "range", "mtu is 1279, outside 1280", "1280"),
        (["prefix": "fd00::/64", "domain": "a..b"], "/spec/domain", "domain", "the part \"\" is empty", "dots"),
        (["prefix": "fd00::/64", "domain": "Example.org"], "/spec/domain", "domain", "upper-case", "dots"),
        (
            ["prefix": "fd00::/64", "kind": "public"], "/spec/kind", "word", "not one of shared or private",
            "shared or private"
        ),
        (
            ["prefix": "fd00::/64", "ra": "manged"], "/spec/ra", "word", "not one of managed, external or none",
            "\"managed\""
        ),
        (["prefix": "fd00::/64", "prefx": 1], "/spec/prefx", "unknown-field", "no known field", "\"prefix\""),
    ]

    @Test("each wrong network is told by field, value and way out", arguments: wrongNetworks.indices)
    func wrongNetwork(index: Int) {
        let (json, pointer, code, message, fix) = Self.wrongNetworks[index]
        do throws(ProblemError) {
            let spec = try NetworkSpec.parse(json)
            Issue.record("\(json) was taken as \(spec)")
        } catch {
            #expect(error.code == "network.invalid")
            #expect(error.errors.map(\.pointer) == [pointer])
            #expect(error.errors.first?.code == code)
            #expect(error.errors.first?.message.contains(message) == true, "\(error.errors)")
            #expect(error.errors.first?.fix.contains(fix) == true, "\(error.errors)")
        }
    }
}
