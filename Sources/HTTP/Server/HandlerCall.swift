internal import Runtime

/// Calls a handler from a libuv callback, isolated to the loop's actor.
///
/// `EventLoop.assumeIsolated` does that for any closure, and allocates the closure's context twice; here the function has
/// none, so that a request allocates nothing. A class, so that a call copies none of its parts.
final class HandlerCall: @unchecked Sendable {
    // SAFETY: all immutable; `call` is a function without a context.
    private typealias Isolated = (any RequestHandler, borrowing RequestView, ConnectionContext, isolated LoopActor)
        -> Answer
    private typealias Plain = (any RequestHandler, borrowing RequestView, ConnectionContext, LoopActor) -> Answer

    private let handler: any RequestHandler
    private let actor: LoopActor
    private let call: Plain

    init(_ handler: any RequestHandler, on loop: EventLoop) {
        self.handler = handler
        actor = loop.actor
        let isolated: Isolated = { handler, request, context, isolation in
            handler.handle(request, from: context, isolation: isolation)
        }
        // SAFETY: the isolation is that of the thread, which `callAsFunction` checks; the calling convention is the same,
        // as Actor.assumeIsolated has it.
        call = unsafeBitCast(isolated, to: Plain.self)
    }

    /// The handler's answer. On the loop; elsewhere the process ends here.
    func callAsFunction(_ request: borrowing RequestView, _ context: ConnectionContext) -> Answer {
        precondition(actor.loop.isCurrent, "not on the loop's thread")
        return call(handler, request, context, actor)
    }
}
