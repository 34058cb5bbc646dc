// A connection that is kept for later, and on which nothing may come meanwhile: whatever does, nobody has asked for.
extension Connection {
    /// Watches the connection until `wake`. Nobody may read or write meanwhile. Any thread.
    ///
    /// - Parameter disturbed: called on the loop, once, if anything comes: a byte, the end, a failure; at once if it is there.
    package func rest(_ disturbed: @escaping @Sendable () -> Void) {
        let core = core
        loop.run { core.rest(disturbed) }
    }

    /// Ends the rest. On the loop, in a job.
    ///
    /// - Returns: whether nothing has come, be it by now with the kernel only. Otherwise the connection is good for nothing but
    ///   `close`.
    package func wake() -> Bool {
        loop.assertCurrent()
        return core.wake()
    }
}

extension ConnectionCore {
    private var isUndisturbed: Bool { buffer.isEmpty && !ended && failure == nil && !stream.isClosed }

    fileprivate func rest(_ disturbed: @escaping @Sendable () -> Void) {
        if isUndisturbed { onDisturbance = disturbed } else { disturbed() }
    }

    fileprivate func wake() -> Bool {
        onDisturbance = nil
        // What the kernel has got is not told before the next poll.
        if isUndisturbed { stream.readAvailable() }
        return isUndisturbed
    }

    /// Something came: if the connection rests, that is over.
    func tellDisturbance() {
        guard let disturbed = onDisturbance else { return }
        onDisturbance = nil
        disturbed()
    }
}
