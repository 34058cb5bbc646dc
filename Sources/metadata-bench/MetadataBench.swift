internal import Foundation
internal import HTTP
internal import Metadata
internal import Runtime

/// The metadata service alone, with a directory of many guests, for the load generators of `benchmarks/`.
///
/// `metadata-bench --port P --vms N [--loops L] [--body BYTES] [--changes R] [--hold P2]` listens on all addresses of its network
/// namespace, answers connections by their mark (0x80000001 ... 0x80000000 + N), and prints `ready` and its process id when it
/// does. With `--changes` it gives a guest new metadata R times a second; on the port of `--hold` it holds each request.
/// SIGTERM ends it; it prints then how many jobs its loops have run, how many of these came from another thread, and how long
/// a change took until every loop had it.
enum MetadataBench {
    struct Options {
        var port: UInt16 = 8080
        var guests = 10_000
        var loops = 1
        var body = 400
        var changes = 0
        var hold: UInt16?
    }

    static func main() {
        if CommandLine.arguments.dropFirst().first == "rules" {
            guard let text = RulesText.render(CommandLine.arguments.dropFirst(2)) else { exit(2) }
            print(text)
            return
        }
        guard let options = parse(CommandLine.arguments.dropFirst()) else {
            FileHandle.standardError.write(
                Data(
                    "usage: metadata-bench --port P --vms N [--loops L] [--body BYTES] [--changes R] [--hold P2]\n".utf8
                ))
            exit(2)
        }
        do {
            let group = try EventLoopGroup(loops: options.loops, label: "bench")
            spawn(on: group.loops[0], "bench") {
                do {
                    try await serve(options, group)
                } catch {
                    FileHandle.standardError.write(Data("\(error)\n".utf8))
                    exit(1)
                }
            }
            while true { pause() }
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(1)
        }
    }

    private static func serve(_ options: Options, _ group: EventLoopGroup) async throws {
        var snapshot = DirectorySnapshot()
        for number in 1...options.guests {
            snapshot.set(document(number, options.body), number: UInt32(number))
        }
        let shards = group.loops.map { MetadataShard(loop: $0) }
        for shard in shards {
            await shard.replace(snapshot, version: 1)
            _ = try await shard.server.listen(on: .ipv6(host: "::", port: options.port), reusePort: true)
        }
        let holding = Server(
            loop: group.loops[0], configuration: MetadataShard.configuration(),
            handler: HoldingHandler(on: group.loops[0]))
        if let port = options.hold { _ = try await holding.listen(on: .ipv6(host: "::", port: port)) }
        let changes = DirectoryChanges(snapshot, shards, options)
        if options.changes > 0 { spawn(on: group.loops[0], "changes") { try await changes.run() } }
        let signals = try await SignalSource([SIGTERM], on: group.loops[0])
        print("ready \(getpid())")
        fflush(nil)
        _ = try await signals.signals.receive()
        let counters = group.loops.map(\.counters)
        print("jobs=\(counters.map(\.jobs).reduce(0, +)) hops=\(counters.map(\.crossThreadEnqueues).reduce(0, +))")
        for p99 in await changes.p99s { print("change-p99=\(p99)") }
        exit(0)
    }

    /// A guest's document: a key of such a length that `/ssh-keys` answers that many bytes.
    static func document(_ number: Int, _ body: Int) -> GuestDocument {
        let key = "ssh-ed25519 AAAA" + String(repeating: "k", count: max(0, body - 17 - 8))
        return GuestDocument(
            facts: GuestFacts(
                uuid: String(format: "00000000-0000-4000-8000-%012d", number), name: "vm\(number)", owner: "bench",
                sshKeys: [key + String(format: "%08d", number)]))
    }

    private static func parse(_ arguments: ArraySlice<String>) -> Options? {
        var options = Options()
        var rest = arguments
        while let flag = rest.popFirst() {
            guard let value = rest.popFirst().flatMap(Int.init), value > 0 else { return nil }
            switch flag {
            case "--port": options.port = UInt16(clamping: value)
            case "--vms": options.guests = value
            case "--loops": options.loops = value
            case "--body": options.body = value
            case "--changes": options.changes = value
            case "--hold": options.hold = UInt16(clamping: value)
            default: return nil
            }
        }
        return options
    }
}
