internal import Runtime

/// One reader's watch: the call by which its changes come, and what has come of a revision that is not whole yet.
///
/// The client uses it, on its loop. When the iteration that holds it is let go, so is the call.
final class WatchReader: @unchecked Sendable {
    // SAFETY: the variables are used on the loop's thread, and by deinit.
    let prefix: String
    private let loop: EventLoop
    private(set) var call: GRPCCall?
    private(set) var link: EtcdLink?
    /// The token that the call was made with.
    private(set) var token: String?
    var assembly = WatchAssembly(next: 0)
    /// Goes off if etcd does not say that the watch is there.
    private var timer: ScheduledTimer?
    /// Whether etcd has said so.
    private(set) var isCreated = false
    /// Whether there was a call before.
    private(set) var wasOpen = false

    init(prefix: String, on loop: EventLoop) {
        self.prefix = prefix
        self.loop = loop
    }

    deinit {
        timer?.cancel()
        call?.cancel()
    }

    /// A call was made, for changes from a revision on.
    func opened(_ call: GRPCCall, on link: EtcdLink, _ token: String?, from cursor: Int64, patience: Duration) {
        self.call = call
        self.link = link
        self.token = token
        assembly = WatchAssembly(next: cursor)
        isCreated = false
        wasOpen = true
        timer = loop.schedule(after: patience) { call.finish(.deadline) }
    }

    /// etcd has the watch.
    func created() {
        isCreated = true
        timer?.cancel()
    }

    /// Ends the call; the next page needs another.
    func drop() {
        timer?.cancel()
        call?.cancel()
        (call, link, token, isCreated) = (nil, nil, nil, false)
    }
}
