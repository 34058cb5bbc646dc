/// Why a machine could not be started, adopted or stopped.
package struct MachineError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is.
    package struct Code: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
        /// The code as it stands in conditions and logs.
        package let rawValue: String

        package init(rawValue: String) { self.rawValue = rawValue }

        /// The plan contradicts itself.
        package static let invalidPlan = Code(rawValue: "invalid-plan")
        /// A process for this directory runs, or is about to.
        package static let alreadyRunning = Code(rawValue: "already-running")
        /// A file of the guest can't be opened by the user that QEMU runs as.
        package static let fileUnusable = Code(rawValue: "file-unusable")
        /// The machine's directory, sockets or pid file can't be made.
        package static let directoryUnusable = Code(rawValue: "directory-unusable")
        /// QEMU could not be executed.
        package static let notExecutable = Code(rawValue: "not-executable")
        /// QEMU ended before its monitor was ready.
        package static let startFailed = Code(rawValue: "start-failed")
        /// QEMU runs, but its monitor was not ready in time; it was ended.
        package static let startTimeout = Code(rawValue: "start-timeout")
        /// The deadline passed; the machine still runs.
        package static let stopTimeout = Code(rawValue: "stop-timeout")
        /// The console keeper can't be reached or refused.
        package static let keeper = Code(rawValue: "console-keeper")

        package var description: String { rawValue }
    }

    /// What kind of failure it is.
    package var code: Code
    /// One sentence for people.
    package var message: String
    /// What mends it, if that is known.
    package var fix: String?

    /// An error.
    package init(_ code: Code, _ message: String, fix: String? = nil) {
        self.code = code
        self.message = message
        self.fix = fix
    }

    package var description: String {
        "\(message) [machine.\(code)]" + (fix.map { "; \($0)" } ?? "")
    }
}
