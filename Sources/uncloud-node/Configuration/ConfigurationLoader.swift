internal import Model

/// Resolves the settings: built-in defaults, then `/etc/uncloud/node.yaml`, then `node.yaml.d/*.yaml` beside it in the
/// order of their names, then `UNCLOUD_*` variables, then flags; the later wins.
package struct ConfigurationLoader: Sendable {
    /// What the loader needs of the host, so that tests can give it.
    package struct Host: Sendable {
        package var isRoot: Bool
        package var hostName: String
        package var environment: [String: String]
        /// The text of a file, nil where there is none; throws where it can't be read.
        package var readFile: @Sendable (String) throws(CommandFailure) -> String?
        /// The names in a directory, empty where there is none.
        package var listDirectory: @Sendable (String) -> [String]

        package init(
            isRoot: Bool, hostName: String, environment: [String: String],
            readFile: @escaping @Sendable (String) throws(CommandFailure) -> String?,
            listDirectory: @escaping @Sendable (String) -> [String]
        ) {
            self.isRoot = isRoot
            self.hostName = hostName
            self.environment = environment
            self.readFile = readFile
            self.listDirectory = listDirectory
        }
    }

    /// What the command line says.
    package struct Flags: Sendable, Equatable {
        /// `--config FILE`: this file (and its `.d` directory) instead of the one under /etc.
        package var file: String?
        /// `--directory DIR`: state in DIR/state, run-time files in DIR/run.
        package var directory: String?
        /// `--set KEY=VALUE`, in order.
        package var assignments: [String]

        package init(file: String? = nil, directory: String? = nil, assignments: [String] = []) {
            self.file = file
            self.directory = directory
            self.assignments = assignments
        }
    }

    package static let defaultFile = "/etc/uncloud/node.yaml"

    package var host: Host

    package init(host: Host) { self.host = host }

    /// The settings and all that is wrong; the settings may be used only where nothing is.
    package func load(_ flags: Flags) -> (settings: Settings, problems: [ConfigurationProblem]) {
        var settings = Settings()
        var problems: [ConfigurationProblem] = []
        readFiles(flags, into: &settings, &problems)
        readEnvironment(into: &settings, &problems)
        useDirectory(flags.directory ?? nonEmpty("UNCLOUD_DIRECTORY"), flags, into: &settings, &problems)
        for assignment in flags.assignments { assign(assignment, into: &settings, &problems) }
        setDefaults(&settings)
        return (settings, problems)
    }

    private func readFiles(_ flags: Flags, into settings: inout Settings, _ problems: inout [ConfigurationProblem]) {
        let named = flags.file ?? nonEmpty("UNCLOUD_CONFIG")
        let file = named ?? Self.defaultFile
        read(file, mustExist: named != nil, into: &settings, &problems)
        for name in host.listDirectory(file + ".d").sorted() where name.hasSuffix(".yaml") && !name.hasPrefix(".") {
            read("\(file).d/\(name)", mustExist: false, into: &settings, &problems)
        }
    }

    private func read(
        _ file: String, mustExist: Bool, into settings: inout Settings, _ problems: inout [ConfigurationProblem]
    ) {
        do {
            guard let text = try host.readFile(file) else {
                if mustExist {
                    problems.append(
                        ConfigurationProblem(
                            source: file, message: "does not exist", fix: "create it, or name another file"))
                }
                return
            }
            let (found, wrong) = ConfigurationFile.parse(text, source: file)
            for value in found { settings.set(value.key, value.text, source: "\(file):\(value.line)") }
            problems += wrong
        } catch {
            problems.append(
                ConfigurationProblem(source: file, message: error.message, fix: error.fix ?? "make it readable"))
        }
    }

    private func readEnvironment(into settings: inout Settings, _ problems: inout [ConfigurationProblem]) {
        let byVariable = Dictionary(uniqueKeysWithValues: ConfigurationKey.all.map { ($0.variable, $0) })
        let prefixes = ConfigurationKey.sections.map { "UNCLOUD_\($0.uppercased())_" }
        for (name, text) in host.environment.sorted(by: { $0.key < $1.key }) {
            if let key = byVariable[name] {
                set(key, text, source: name, into: &settings, &problems)
            } else if prefixes.contains(where: name.hasPrefix) {
                problems.append(
                    ConfigurationProblem(
                        source: name, message: "unknown variable",
                        fix: ConfigurationFile.suggestion(for: name, among: byVariable.keys.sorted())))
            }
        }
    }

    private func assign(
        _ assignment: String, into settings: inout Settings, _ problems: inout [ConfigurationProblem]
    ) {
        let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else {
            problems.append(
                ConfigurationProblem(
                    source: "--set", key: assignment, message: "has no value", fix: "write it as node.loops=2"))
            return
        }
        guard let key = ConfigurationKey.named(parts[0]) else {
            problems.append(
                ConfigurationProblem(
                    source: "--set", key: parts[0], message: "unknown key",
                    fix: ConfigurationFile.suggestion(for: parts[0], among: ConfigurationKey.all.map(\.path))))
            return
        }
        set(key, parts[1], source: "--set", into: &settings, &problems)
    }

    private func set(
        _ key: ConfigurationKey, _ text: String, source: String, into settings: inout Settings,
        _ problems: inout [ConfigurationProblem]
    ) {
        if let (message, fix) = key.complaint(about: text) {
            problems.append(ConfigurationProblem(source: source, key: key.path, message: message, fix: fix))
        } else {
            settings.set(key, text, source: source)
        }
    }

    private func useDirectory(
        _ directory: String?, _ flags: Flags, into settings: inout Settings, _ problems: inout [ConfigurationProblem]
    ) {
        guard let directory, let state = ConfigurationKey.named("node.state-directory"),
            let run = ConfigurationKey.named("node.run-directory")
        else { return }
        let source = flags.directory == nil ? "UNCLOUD_DIRECTORY" : "--directory"
        guard directory.hasPrefix("/") else {
            problems.append(
                ConfigurationProblem(
                    source: source, message: "\(quoted(directory)) is no absolute path", fix: "begin it with /"))
            return
        }
        settings.set(state, directory + "/state", source: source)
        settings.set(run, directory + "/run", source: source)
    }

    private func setDefaults(_ settings: inout Settings) {
        for key in ConfigurationKey.all {
            if let fallback = key.fallback { settings.setDefault(key.path, fallback) }
        }
        let home = nonEmpty("HOME") ?? "/"
        let state =
            host.isRoot
            ? "/var/lib/uncloud-node" : (nonEmpty("XDG_STATE_HOME") ?? home + "/.local/state") + "/uncloud-node"
        settings.setDefault("node.state-directory", state)
        settings.setDefault(
            "node.run-directory",
            host.isRoot
                ? "/run/uncloud-node" : nonEmpty("XDG_RUNTIME_DIR").map { $0 + "/uncloud-node" } ?? state + "/run")
        let label = host.hostName.lowercased().split(separator: ".").first.map(String.init) ?? ""
        let isUsable = ConfigurationKey.named("node.name")?.complaint(about: label) == nil
        settings.setDefault("node.name", isUsable ? label : "node")
    }

    private func nonEmpty(_ variable: String) -> String? {
        host.environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    }
}
