package import Logging

extension SQLiteStore {
    /// How a store is opened.
    package struct Configuration: Sendable {
        /// The file. Its directory must be there.
        package var path: String
        /// When SQLite waits for the disk; only `full` keeps the promise.
        package var synchronous = SQLiteSynchronous.full
        /// The name of a registered SQLite VFS, for tests; then `path` is no file of the system. Nil is the system's.
        package var vfs: String?
        /// The log of changes is trimmed to half when it has more rows than this.
        package var logRows: Int64 = 20_000
        /// The log of changes is trimmed to half when its values have more bytes than this.
        package var logBytes: Int64 = 64 << 20
        /// The write-ahead log is moved into the database when it has more pages than this.
        package var checkpointPages = 1000
        /// Transactions of one commit, at most.
        package var group = 512
        /// Called on the store's thread at each stage of a commit, for crash tests.
        package var onStage: (@Sendable (CommitStage) -> Void)?
        /// Where failures are told that no caller hears of.
        package var logger: Logger

        /// Makes a configuration.
        package init(path: String, logger: Logger = Logger(label: "store")) {
            self.path = path
            self.logger = logger
        }
    }
}

/// The stages of a commit, in their order.
package enum CommitStage: String, Sendable, CaseIterable {
    /// The database's transaction is open.
    case begun
    /// One of the group's transactions was applied.
    case applied
    /// All are applied, the commit comes next.
    case committing
    /// The commit is on the disk, nobody was told.
    case committed
    /// All were told.
    case answered
    /// The log was trimmed.
    case trimmed
}
