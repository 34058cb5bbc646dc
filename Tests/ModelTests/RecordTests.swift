import JSON
import Model
import Testing

@Suite("Records")
struct RecordTests {
    let owner: Name
    let name: Name

    init() throws {
        owner = try #require(Name("default"))
        name = try #require(Name("web1"))
    }

    private func code<T: StoredRecord>(_ type: T.Type, _ text: String) -> String? {
        do throws(ProblemError) {
            _ = try decodeRecord(type, from: Array(text.utf8), key: "/the/key")
            return nil
        } catch {
            #expect(error.detail.contains("/the/key"))
            #expect(error.fix != nil)
            return error.code
        }
    }

    @Test("every record is read back as it was written")
    func roundTrips() throws {
        func check<T: StoredRecord & Equatable>(_ record: T) throws {
            let bytes = try encodeRecord(record)
            #expect(try decodeRecord(T.self, from: bytes, key: "k") == record)
            #expect(try JSONValue(parsing: bytes)["schema"] == 1)
        }
        let mac = MACAddress.fromHostIndex(1, suffix: 2)
        try check(
            VMRecord(
                uuid: .random(), owner: owner, name: name, spec: ["cpus": 2, "userData": "u"],
                resolved: try VMSpec.parse(["cpus": 2, "userData": "u"]),
                nics: [NICRecord(mac: mac, number: 7, network: "default")], created: "2026-01-01T00:00:00Z"))
        try check(
            VMStatus(
                state: .running, observedRevision: 5, pid: 77,
                conditions: [Condition(type: "Ready", status: "true", reason: "Answered", message: "m", since: "s")],
                restarts: 1, started: "t", addresses: ["fe80::1"], intent: "launch", powerGeneration: 3,
                unheededStop: 3))
        let prefix = try #require(IPv6Prefix("fd00::/64"))
        try check(
            NetworkRecord(
                name: name, number: 1, owner: owner, spec: ["prefix": "fd00::/64"],
                resolved: NetworkSpec(prefix: prefix),
                created: "c"))
        try check(KeyRecord(owner: owner, name: name, publicKey: SpecTests.key, created: "c"))
        try check(NameRecord(vm: .random()))
        try check(MACRecord(vm: .random(), nic: 0, token: "t"))
        try check(MACRecord(vm: nil, nic: nil, token: "t", freed: "f"))
        try check(TombstoneRecord(kind: "vm", id: "x", last: ["a": 1], deleted: "d"))
        try check(HostRecord(node: "n"))
    }

    @Test("a status of before its younger members is read")
    func olderStatus() throws {
        let old = """
            {"addresses": [], "conditions": [], "observedRevision": 5, "restarts": 0, "schema": 1, "state": "running"}
            """
        let status = try decodeRecord(VMStatus.self, from: Array(old.utf8), key: "k")
        #expect(status == VMStatus(state: .running, observedRevision: 5))
        #expect(status.unheededStop == nil && status.intent == nil && status.boots == nil)
    }

    @Test("taps are named by the MAC's twelve digits, within 15 characters")
    func tapNames() {
        let record = NICRecord(mac: MACAddress.fromHostIndex(0xabcd, suffix: 0x12_3456), number: 1, network: "n")
        #expect(record.tap == "v42abcd123456")
        #expect(record.tap.utf8.count <= 15)
        #expect(NICRecord(mac: record.mac, number: 1, tap: "veth0", network: "n").tap == "veth0")
    }

    @Test("large documents are stored once")
    func stored() throws {
        let text = String(repeating: "z", count: 10_000)
        let spec: JSONValue = ["userData": .string(text), "vendorData": .string(text), "networkConfig": .string(text)]
        let record = VMRecord(
            uuid: .random(), owner: owner, name: name, spec: spec, resolved: try VMSpec.parse(spec), created: "c")
        let bytes = try encodeRecord(record)
        #expect(bytes.count < 31_500)
        #expect(try decodeRecord(VMRecord.self, from: bytes, key: "k").resolved.networkConfig == text)
    }

    @Test("a record of a newer schema is refused as such, whatever else has changed in it")
    func newerSchema() {
        #expect(code(NameRecord.self, #"{"schema":2,"vm":{"new":"shape"}}"#) == "store.newer-schema")
        #expect(code(VMRecord.self, #"{"schema":99}"#) == "store.newer-schema")
    }

    @Test(
        "what is no record is refused as such",
        arguments: [
            "", "[]", "{}", #"{"vm":"x"}"#, #"{"schema":"1"}"#, #"{"schema":0}"#, #"{"schema":1}"#,
            #"{"schema":1,"vm":"no-uuid"}"#,
        ])
    func corrupt(text: String) {
        #expect(code(NameRecord.self, text) == "store.corrupt-record")
    }
}
