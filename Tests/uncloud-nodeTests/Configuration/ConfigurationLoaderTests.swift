import Testing
import uncloud_node

@Suite("The configuration")
struct ConfigurationLoaderTests {
    static func loader(
        _ files: [String: String] = [:], environment: [String: String] = [:], isRoot: Bool = true
    ) -> ConfigurationLoader {
        ConfigurationLoader(
            host: ConfigurationLoader.Host(
                isRoot: isRoot, hostName: "Host7.example.org", environment: environment,
                readFile: { path throws(CommandFailure) in files[path] },
                listDirectory: { directory in
                    files.keys.filter { $0.hasPrefix(directory + "/") }.map {
                        String($0.dropFirst(directory.count + 1))
                    }
                }))
    }

    @Test("without files there are defaults, and the host's name")
    func defaults() {
        let (settings, problems) = Self.loader().load(.init())
        #expect(problems.isEmpty)
        #expect(settings["node.state-directory"] == "/var/lib/uncloud-node")
        #expect(settings["node.run-directory"] == "/run/uncloud-node")
        #expect(settings["node.name"] == "host7")
        #expect(settings["shutdown.stop-timeout"] == "60s")
        #expect(settings.values["node.loops"]?.source == "default")
    }

    @Test("an ordinary user's node is in the user's directories")
    func ordinaryUser() {
        let environment = ["HOME": "/users/u", "XDG_RUNTIME_DIR": "/run/user/1000"]
        let (settings, _) = Self.loader(environment: environment, isRoot: false).load(.init())
        #expect(settings["node.state-directory"] == "/users/u/.local/state/uncloud-node")
        #expect(settings["node.run-directory"] == "/run/user/1000/uncloud-node")
    }

    @Test("file, directory of files, environment and flags win in this order")
    func precedence() {
        let files = [
            "/etc/uncloud/node.yaml": "node:\n  loops: 1\n  name: a\n  qemu: /a\n  namespace: a\n",
            "/etc/uncloud/node.yaml.d/20-b.yaml": "node:\n  namespace: b\n  name: c\n",
            "/etc/uncloud/node.yaml.d/10-a.yaml": "node:\n  namespace: never\n  qemu: /b\n",
            "/etc/uncloud/node.yaml.d/ignored.txt": "nonsense: [",
        ]
        let environment = ["UNCLOUD_NODE_NAME": "d", "UNCLOUD_NODE_LOOPS": "2"]
        let (settings, problems) = Self.loader(files, environment: environment).load(
            .init(assignments: ["node.loops=3"]))
        #expect(problems.isEmpty)
        #expect(settings["node.namespace"] == "b")
        #expect(settings["node.qemu"] == "/b")
        #expect(settings["node.name"] == "d")
        #expect(settings["node.loops"] == "3")
        #expect(settings.values["node.namespace"]?.source == "/etc/uncloud/node.yaml.d/20-b.yaml:2")
        #expect(settings.values["node.name"]?.source == "UNCLOUD_NODE_NAME")
        #expect(settings.values["node.loops"]?.source == "--set")
    }

    @Test("--directory is above everything else that names directories")
    func directory() {
        let files = ["/etc/uncloud/node.yaml": "node:\n  state-directory: /a\n"]
        let (settings, problems) = Self.loader(files).load(.init(directory: "/tmp/d"))
        #expect(problems.isEmpty)
        #expect(settings["node.state-directory"] == "/tmp/d/state")
        #expect(settings["node.run-directory"] == "/tmp/d/run")
    }

    /// What is wrong, and what the one line about it must name.
    static let wrongFiles: [(text: String, named: [String])] = [
        ("node:\n  lops: 2\n", ["node.yaml:2", "node.lops", "did you mean loops?"]),
        ("nodes:\n  loops: 2\n", ["node.yaml:1", "nodes", "did you mean node?"]),
        ("node:\n  loops: many\n", ["node.yaml:2", "node.loops", "many", "0 to 1024"]),
        ("node:\n  loops: -1\n", ["node.yaml:2", "node.loops"]),
        ("node:\n  loops: [1, 2]\n", ["node.yaml:2", "node.loops", "single value"]),
        ("node: 5\n", ["node.yaml:1", "node", "must hold keys"]),
        ("- a\n- b\n", ["node.yaml:1", "must hold sections"]),
        ("node:\n  loops: 1\n  loops: 2\n", ["node.yaml:", "loops", "twice"]),
        ("node:\n\tloops: 1\n", ["node.yaml:2"]),
        ("node:\n  state-directory: var/lib\n", ["node.yaml:2", "node.state-directory", "begin it with /"]),
        ("node:\n  name: Web_1\n", ["node.yaml:2", "node.name", "web-1"]),
        ("node:\n  accelerator: xen\n", ["node.yaml:2", "node.accelerator", "auto, kvm, tcg"]),
        ("shutdown:\n  stop-timeout: 60\n", ["node.yaml:2", "shutdown.stop-timeout", "no unit", "60s"]),
        ("shutdown:\n  stop-timeout: 5ms\n", ["node.yaml:2", "shutdown.stop-timeout", "less than a second"]),
        ("log:\n  level: loud\n", ["node.yaml:2", "log.level", "debug"]),
        ("node:\n  vm-user-base: 5\n", ["node.yaml:2", "node.vm-user-base", "1000"]),
        ("node:\n  qemu: ./qemu\n", ["node.yaml:2", "node.qemu", "absolute path"]),
    ]

    @Test("a wrong file is refused by key and line, with the way out", arguments: wrongFiles)
    func wrongFile(text: String, named: [String]) throws {
        let (_, problems) = Self.loader(["/etc/uncloud/node.yaml": text]).load(.init())
        let line = try #require(problems.first).failure.line
        for word in named { #expect(line.contains(word), "\(line)") }
        #expect(problems.first?.failure.status == .usage)
        #expect(!line.contains("\n"))
    }

    @Test("every mistake of a file is told, not only the first")
    func allProblems() {
        let text = "node:\n  lops: 2\n  loops: x\nlog:\n  level: loud\n"
        let (_, problems) = Self.loader(["/etc/uncloud/node.yaml": text]).load(.init())
        #expect(problems.map(\.line) == [2, 3, 5])
    }

    @Test(
        "wrong variables and flags are refused by name",
        arguments: [
            (["UNCLOUD_NODE_LOPS": "2"], [], "UNCLOUD_NODE_LOPS"),
            (["UNCLOUD_NODE_LOOPS": "x"], [], "UNCLOUD_NODE_LOOPS"),
            ([:], ["node.lops=2"], "node.lops"), ([:], ["node.loops"], "node.loops"),
            ([:], ["node.loops=x"], "node.loops"),
            (["UNCLOUD_DIRECTORY": "relative"], [], "UNCLOUD_DIRECTORY"),
            (["UNCLOUD_CONFIG": "/nowhere.yaml"], [], "/nowhere.yaml"),
        ] as [([String: String], [String], String)])
    func wrongVariables(environment: [String: String], assignments: [String], named: String) throws {
        let (_, problems) = Self.loader(environment: environment).load(.init(assignments: assignments))
        #expect(problems.count == 1)
        #expect(try #require(problems.first).failure.line.contains(named))
    }

    @Test("other programs' variables are none of its business")
    func foreignVariables() {
        #expect(Self.loader(environment: ["UNCLOUDY": "x", "UNCLOUD_ONLY": "Model"]).load(.init()).problems.isEmpty)
    }

    @Test("an empty file and empty sections are fine")
    func empty() {
        for text in ["", "# nothing\n", "node:\nlog:\n"] {
            #expect(Self.loader(["/etc/uncloud/node.yaml": text]).load(.init()).problems.isEmpty, "\(text)")
        }
    }
}
