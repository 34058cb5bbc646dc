internal import Logging
internal import Runtime

/// What a command that works on this host works with.
struct HostContext: Sendable {
    var globals: GlobalOptions
    var environment: [String: String]
    var loader: ConfigurationLoader
    var terminal: Terminal
    var renderer: Renderer
    var reader: ArgumentReader
    /// This program's own file.
    var executable: String

    /// The configuration that the flags choose, with all that is wrong in it.
    func load(_ assignments: [String] = []) -> (settings: Settings, problems: [ConfigurationProblem]) {
        loader.load(
            ConfigurationLoader.Flags(
                file: globals.config.map(reader.path), directory: globals.directory.map(reader.path),
                assignments: assignments))
    }

    /// The configuration, where nothing is wrong in it.
    ///
    /// - Throws: the first problem.
    func settings(_ assignments: [String] = []) throws(ConfigurationProblem) -> Settings {
        let (settings, problems) = load(assignments)
        if let first = problems.first { throw first }
        return settings
    }
}
