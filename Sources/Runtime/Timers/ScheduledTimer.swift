/// A body that its loop will run once, unless cancelled before: what `EventLoop.schedule` gives.
public struct ScheduledTimer: Sendable {
    let node: TimerNode
    let turn: UInt64

    /// Whether it has neither run nor been cancelled. Any thread.
    public var isPending: Bool { node.isPending(turn) }

    /// Keeps the body from running, if it has not begun. Any thread, any number of times; the body is released on the loop,
    /// by the time this returns if it is called there.
    public func cancel() {
        guard node.claim(turn) else { return }
        node.withLoop { loop in
            if loop.isCurrent { return loop.remove(node, turn) }
            loop.execute { [node, turn] in node.withLoop { $0.remove(node, turn) } }
        }
    }
}
