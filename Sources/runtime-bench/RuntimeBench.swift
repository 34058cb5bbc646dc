internal import Glibc
internal import Runtime

/// What the runtime's primitives cost, for `benchmarks/`: `runtime-bench WHAT COUNT` does it COUNT times and ends.
///
/// Under callgrind the difference of two counts gives the instructions of each. `ping-pong` and `stream` go between two loops and
/// print `{"seconds": S, "cpu": S}`: the time they took, and the processor time of all threads.
enum RuntimeBench {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let count = Int(arguments[2]), count > 0, let what = What(rawValue: arguments[1])
        else {
            fail("usage: runtime-bench \(What.allCases.map(\.rawValue).joined(separator: "|")) COUNT", status: 2)
        }
        do {
            let group = try EventLoopGroup(loops: what.loops, label: "bench")
            spawn(on: group.loops[0], "bench") {
                do {
                    try await what.run(count, group.loops)
                    exit(0)
                } catch {
                    fail("runtime-bench: \(error)", status: 1)
                }
            }
            while true { pause() }
        } catch {
            fail("runtime-bench: \(error)", status: 1)
        }
    }

    private static func fail(_ message: String, status: Int32) -> Never {
        let bytes = Array((message + "\n").utf8)
        write(2, bytes, bytes.count)
        exit(status)
    }
}

private enum What: String, CaseIterable {
    case channel, handOver = "hand-over", timer, spawn, actor, pingPong = "ping-pong", stream

    var loops: Int { self == .pingPong || self == .stream ? 2 : 1 }

    func run(_ count: Int, _ loops: [EventLoop]) async throws {
        let primitives = Primitives(loop: loops[0])
        switch self {
        case .channel: try await primitives.channel(count)
        case .handOver: try await primitives.handOver(count)
        case .timer: await primitives.timers(count)
        case .spawn: try await primitives.spawns(count)
        case .actor: await primitives.actorCalls(count)
        case .pingPong: try await Between.timed { try await Between.pingPong(count, loops) }
        case .stream: try await Between.timed { try await Between.stream(count, loops) }
        }
    }
}
