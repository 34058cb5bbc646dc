/// Something wrong in a configuration file, a variable or a flag.
package struct ConfigurationProblem: Error, Sendable, Equatable {
    /// The file, the variable's name, or `--set`.
    package var source: String
    /// The line in the file, from 1.
    package var line: Int?
    /// The key as it was written, where one is at fault.
    package var key: String?
    package var message: String
    package var fix: String

    package init(source: String, line: Int? = nil, key: String? = nil, message: String, fix: String) {
        self.source = source
        self.line = line
        self.key = key
        self.message = message
        self.fix = fix
    }

    /// `/etc/uncloud/node.yaml:3: node.lops: unknown key`
    package var failure: CommandFailure {
        let place = line.map { "\(source):\($0)" } ?? source
        return CommandFailure(.usage, message, field: key.map { "\(place): \($0)" } ?? place, fix: fix)
    }
}
