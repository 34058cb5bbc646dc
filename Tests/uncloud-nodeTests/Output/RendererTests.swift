import JSON
import Testing
import uncloud_node

@Suite("Results")
struct RendererTests {
    /// Three days after the sample VM was made.
    static let now = 1_795_161_600.0 + 3 * 86_400

    static func renderer(_ format: OutputFormat? = nil, headers: Bool = true, secrets: Bool = false) -> Renderer {
        Renderer(format: format, headers: headers, now: now, showsSecrets: secrets)
    }

    @Test("a list of VMs shows name, state, node, processors, memory, address, readiness and age")
    func vmTable() {
        let text = Self.renderer().collection("vms", [SampleDocuments.vm("web1")], revision: 7)
        #expect(
            text == """
                NAME  STATE    NODE  CPU  MEMORY  ADDRESS                  READY  AGE
                web1  running  n1      2    2GiB  fd12::4000:ff:fe12:3456  yes    3d

                """)
    }

    @Test("what is unknown is a dash, never 0")
    func unknown() {
        let text = Self.renderer(headers: false).collection("vms", [["name": "new1"]], revision: nil)
        #expect(text == "new1  -  -  -  -  -  -  -\n")
    }

    @Test("wide adds columns and keeps the others in their order")
    func wide() throws {
        let text = Self.renderer(.wide).collection("vms", [SampleDocuments.vm("web1")], revision: 7)
        let header = try #require(text.split(separator: "\n").first)
        #expect(header.hasPrefix("NAME"))
        #expect(header.contains("UUID") && header.contains("PID") && header.contains("TAP"))
    }

    @Test("names alone, one a line, without headers")
    func names() {
        let vms = ["a", "b"].map { SampleDocuments.vm($0) }
        #expect(Self.renderer(.name).collection("vms", vms, revision: 1) == "a\nb\n")
        let macs = [SampleDocuments.mac("42:00:00:00:00:01")]
        #expect(Self.renderer(.name).collection("macs", macs, revision: 1) == "42:00:00:00:00:01\n")
    }

    @Test("JSON output parses back to the documents and tells the revision")
    func json() throws {
        let document = SampleDocuments.vm("web1")
        let text = Self.renderer(.json).collection("vms", [document], revision: 9)
        #expect(try JSONValue(parsing: text) == ["items": [document], "revision": 9])
    }

    @Test("YAML keeps what looks like something else a text")
    func yaml() {
        let text = YAMLText.encode([
            "a": "true", "b": "12", "c": "", "d": true, "e": 3, "f": .null, "g": [], "h": "x: y",
        ])
        #expect(text == "a: 'true'\nb: '12'\nc: ''\nd: true\ne: 3\nf: null\ng: []\nh: 'x: y'\n")
    }

    @Test("user-data is shown only when asked for")
    func secrets() {
        let document = SampleDocuments.vm("web1", spec: ["userData": "password: hunter2", "vendorData": "v"])
        for format in [nil, OutputFormat.json, .yaml] {
            let hidden = Self.renderer(format).one("vm", document)
            #expect(!hidden.contains("hunter2"))
            #expect(hidden.contains("17 bytes"))
            #expect(Self.renderer(format, secrets: true).one("vm", document).contains("password: hunter2"))
        }
    }

    @Test("a write answers a person with the name, a program with the document")
    func changed() throws {
        let document = SampleDocuments.vm("web1")
        #expect(Self.renderer().changed(document) == "web1\n")
        #expect(try JSONValue(parsing: Self.renderer(.json).changed(document)) == document)
    }

    @Test("the drops of one VM are added up over its ports, and others' left out")
    func firewall() {
        let firewall: JSONValue = [
            "rules": "table ...",
            "drops": [
                ["port": "v1", "vm": "default/rogue1", "reason": "ra", "packets": 2, "bytes": 200],
                ["port": "v2", "vm": "default/rogue1", "reason": "ra", "packets": 1, "bytes": 100],
                ["port": "v3", "vm": "default/web1", "reason": "ra", "packets": 9, "bytes": 900],
            ],
        ]
        let drops = FirewallView.only(owner: "default", name: "rogue1", in: firewall)
        #expect(drops["drops"] == ["ra": ["packets": 3, "bytes": 300]])
        let text = FirewallView.renderOne(drops, renderer: Self.renderer())
        #expect(text == "REASON  PACKETS  BYTES\nra            3    300\n")
        #expect(!FirewallView.render(firewall, rules: false, renderer: Self.renderer(.json)).contains("table"))
    }
}
