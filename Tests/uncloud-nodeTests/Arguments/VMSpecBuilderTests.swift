import ArgumentParser
import JSON
import Testing
import uncloud_node

@Suite("A VM's description from flags")
struct VMSpecBuilderTests {
    static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAFqO44fYwvEZBTggzixd8ICbOQQTjNxky/UbedOa6Pv me@here"

    static let reader = ArgumentReader(
        readFile: { path throws(CommandFailure) in
            switch path {
            case "/users/u/.ssh/id.pub": return Array("# mine\n\(key)\n".utf8)
            case "/work/init.yaml": return Array("#cloud-config\n".utf8)
            case "/work/binary": return [0xff, 0xfe]
            case "/work/big": return [UInt8](repeating: 0x20, count: 2 << 20)
            default: throw CommandFailure(.usage, "\"\(path)\" does not exist", fix: "name an existing file")
            }
        }, readInput: { () throws(CommandFailure) in Array("from stdin".utf8) }, home: "/users/u",
        workingDirectory: "/work")

    static func spec(_ arguments: String...) throws -> JSONValue { try spec(arguments) }

    static func spec(_ arguments: [String]) throws -> JSONValue {
        var builder = VMSpecBuilder(flags: try VMSpecFlags.parse(arguments), reader: reader)
        return try builder.build()
    }

    @Test("nothing said is nothing written")
    func empty() throws { #expect(try Self.spec([]) == [:]) }

    @Test("each flag becomes its field, and sizes become bytes")
    func scalars() throws {
        let spec = try Self.spec(
            "--cpus", "2", "--memory", "2GiB", "--restart", "always", "--power", "off", "--append",
            "console=ttyS0 quiet",
            "--protected")
        #expect(
            spec == [
                "cpus": 2, "memory": 2_147_483_648, "restart": "always", "power": "off",
                "append": "console=ttyS0 quiet",
                "protected": true,
            ])
    }

    @Test("paths are made absolute, since the daemon stands elsewhere")
    func paths() throws {
        let spec = try Self.spec(
            "--kernel", "boot/../vmlinuz", "--initrd", "~/initrd", "--disk", "./d.raw,format=raw,readonly")
        #expect(spec["kernel"] == "/work/vmlinuz")
        #expect(spec["initrd"] == "/users/u/initrd")
        #expect(spec["disks"] == [["file": "/work/d.raw", "format": "raw", "readOnly": true]])
    }

    @Test("a comma in a file's name is doubled")
    func commas() throws {
        #expect(try Self.spec("--disk", "/a,,b,format=qcow2")["disks"] == [["file": "/a,b", "format": "qcow2"]])
    }

    @Test("nics, and an interface that something else made")
    func nics() throws {
        #expect(
            try Self.spec("--nic", "network=a,mac=42:00:00:00:00:01", "--nic", "network=b")["nics"]
                == [["network": "a", "mac": "42:00:00:00:00:01"], ["network": "b"]])
        #expect(try Self.spec("--interface", "veth7")["nics"] == [["network": "default", "interface": "veth7"]])
        #expect(
            try Self.spec("--nic", "network=a", "--interface", "veth7")["nics"] == [
                ["network": "a", "interface": "veth7"]
            ])
    }

    @Test("keys come as lines, from files, or by name")
    func keys() throws {
        let keys = try Self.spec("--ssh-key", Self.key, "--ssh-key", "@~/.ssh/id.pub", "--ssh-key", "key:ops")[
            "sshKeys"]
        #expect(keys == [.string(Self.key), .string(Self.key), "key:ops"])
    }

    @Test("texts come from flags, files and standard input")
    func texts() throws {
        #expect(try Self.spec("--user-data", "@init.yaml")["userData"] == "#cloud-config\n")
        #expect(try Self.spec("--user-data", "-")["userData"] == "from stdin")
        #expect(try Self.spec("--vendor-data", "plain")["vendorData"] == "plain")
    }

    @Test("protection is put on and taken off")
    func protection() throws {
        #expect(try Self.spec("--protected") == ["protected": true])
        #expect(try Self.spec("--no-protected") == ["protected": false])
        #expect(try Self.spec("--user-data", String(repeating: "x", count: 1 << 20))["userData"] != nil)
    }

    @Test("labels are set and taken away, fields go back to their defaults")
    func labels() throws {
        let spec = try Self.spec("--label", "tier=web", "--label", "old-", "--unset", "user-data")
        #expect(spec == ["labels": ["tier": "web", "old": .null], "userData": .null])
    }

    /// What is wrong, the flag that the line must name, and a word of the way out.
    static let wrongFlags: [([String], String, String)] = [
        (["--cpus", "two"], "--cpus", "write 2"),
        (["--memory", "2048"], "--memory", "MiB"),
        (["--memory", "2G"], "--memory", "2GiB"),
        (["--memory", "lots"], "--memory", "2GiB"),
        (["--disk", "d.raw"], "--disk", "format=raw"),
        (["--disk", "d.raw,format=vmdk"], "--disk", "raw, qcow2"),
        (["--disk", "d.raw,format=raw,rw"], "--disk", "readonly"),
        (["--disk", ",format=raw"], "--disk", "FILE"),
        (["--nic", "default"], "--nic", "network=NAME"),
        (["--nic", "network=a,vlan=3"], "--nic", "interface"),
        (["--nic", "network=a", "--nic", "network=b", "--interface", "x"], "--interface", "--nic"),
        (["--ssh-key", "@/nowhere"], "--ssh-key", "existing file"),
        (["--ssh-key", " "], "--ssh-key", ".pub"),
        (["--user-data", "@binary"], "--user-data", "text file"),
        (["--label", "web"], "--label", "k=v"),
        (["--label", "=web"], "--label", "k=v"),
        (["--restart", "sometimes"], "--restart", "on-failure"),
        (["--power", "high"], "--power", "paused"),
        (
            ["--user-data", String(repeating: "x", count: 1 << 20) + "x"], "--user-data",
            "1MiB are allowed; make it smaller"
        ),
        (["--network-config", "@big"], "--network-config", "2097152 bytes"),
        (["--unset", "name"], "--unset", "user-data"),
    ]

    @Test("a wrong flag is refused by name, with the way out and exit status 2", arguments: wrongFlags)
    func wrong(arguments: [String], flag: String, fix: String) throws {
        let failure = try #require(throws: CommandFailure.self) { try Self.spec(arguments) }
        #expect(failure.status == .usage)
        #expect(failure.field == flag)
        #expect(failure.line.hasPrefix(flag + ": "))
        #expect(failure.line.contains(fix), "\(failure.line)")
    }
}
