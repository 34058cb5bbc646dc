internal import Runtime

/// One VM's console in the keeper. Owned by the keeper's actor.
final class Console {
    struct Paths: Equatable {
        var socket: String
        var log: String
        var limit: Int
    }

    let uuid: String
    let paths: Paths
    let log: CappedLog
    /// QEMU's serial port, while it is connected.
    var connection: Connection?
    /// The task that connects and reads.
    var reader: Task<Void, any Error>?
    /// Grows with every new reader; an older one reads what its connection still holds, and then ends.
    var generation = 0
    /// The task that moves QEMU's errors into their log.
    var errorReader: Task<Void, any Error>?
    var received: Int64 = 0
    private(set) var streams: [ObjectIdentifier: ConsoleStream] = [:]

    init(uuid: String, paths: Paths) {
        self.uuid = uuid
        self.paths = paths
        log = CappedLog(path: paths.log, limit: paths.limit)
    }

    func add(_ stream: ConsoleStream) { streams[ObjectIdentifier(stream)] = stream }

    func remove(_ stream: ConsoleStream) {
        streams.removeValue(forKey: ObjectIdentifier(stream))
        stream.finish()
    }

    /// Output of the guest: into the log, and to everyone who watches.
    func take(_ bytes: [UInt8]) {
        received += Int64(bytes.count)
        log.append(bytes)
        for stream in streams.values { stream.send(bytes) }
    }

    func info() -> ConsoleInfo {
        ConsoleInfo(
            uuid: uuid, connected: connection != nil, received: received, lost: Int64(log.lost), streams: streams.count
        )
    }

    /// Ends all that this console does.
    func stop() {
        reader?.cancel()
        errorReader?.cancel()
        connection?.close()
        connection = nil
        for stream in streams.values { stream.finish() }
        streams = [:]
    }
}
