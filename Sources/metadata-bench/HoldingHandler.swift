internal import HTTP
internal import Runtime

/// Holds every request until nobody's change.
struct HoldingHandler: RequestHandler {
    private let topic: HoldTopic
    private let answer = PreparedResponse(status: 200, text: "changed\n")

    init(on loop: EventLoop) { topic = HoldTopic(on: loop) }

    func handle(
        _ request: borrowing RequestView, from context: ConnectionContext, isolation: isolated LoopActor
    ) -> Answer {
        .hold(Hold(on: topic, for: .seconds(3600)) { [answer] _ in .prepared(answer) })
    }
}
