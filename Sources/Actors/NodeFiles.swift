internal import Foundation
internal import Network
internal import Runtime
internal import Store

/// The files and processes that a node finds or makes at its start.
enum NodeFiles {
    /// Opens the embedded store.
    static func openStore(_ configuration: NodeConfiguration, on loop: EventLoop) async throws -> any Store {
        try await SQLiteStore.open(
            SQLiteStore.Configuration(path: configuration.stateDirectory + "/store.sqlite"),
            clock: LoopClock(loop: loop))
    }

    static func helperSupervisor(_ configuration: NodeConfiguration, on loop: EventLoop) -> HelperSupervisor {
        let helper = HelperSupervisor.Configuration(
            directory: configuration.runDirectory, namespace: configuration.namespace,
            executable: configuration.executable)
        return HelperSupervisor(helper, on: loop)
    }

    /// A file's bytes; none if there is no such file.
    static func contents(_ path: String) -> [UInt8] {
        FileManager.default.contents(atPath: path).map { Array($0) } ?? []
    }
}
