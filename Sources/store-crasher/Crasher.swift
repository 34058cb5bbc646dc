internal import Glibc
internal import Runtime
internal import Store

/// Writes until it is killed; see README.md.
func runCrasher() -> Never {
    let arguments = CommandLine.arguments
    guard (5...6).contains(arguments.count), let writers = Int(arguments[2]), let count = Int(arguments[4]) else {
        complain("usage: store-crasher PATH WRITERS STAGE COUNT [USER]")
    }
    if arguments.count == 6 { become(arguments[5]) }
    do {
        let group = try EventLoopGroup(loops: 1, label: "crasher")
        let loop = group.next()
        let configuration = configuration(path: arguments[1], stage: CommitStage(rawValue: arguments[3]), count: count)
        spawn(on: loop, "crasher") {
            do {
                let store = try await SQLiteStore.open(configuration, clock: LoopClock(loop: loop))
                for writer in 0..<writers {
                    spawn(on: loop, "writer \(writer)") {
                        do { try await write(writer, to: store) } catch { complain("\(error)") }
                    }
                }
            } catch {
                complain("\(error)")
            }
        }
        while true { pause() }
    } catch {
        complain("\(error)")
    }
}

/// Gives up being root, for good and in all threads.
private func become(_ user: String) {
    guard let id = uid_t(user), setgroups(0, nil) == 0, setgid(id) == 0, setuid(id) == 0 else {
        complain("can't become user \(user)")
    }
}

private func configuration(path: String, stage: CommitStage?, count: Int) -> SQLiteStore.Configuration {
    var configuration = SQLiteStore.Configuration(path: path)
    // A short log, so that trimming happens within a test's few commits.
    configuration.logRows = 64
    let passed = Locked(0)
    if let stage {
        configuration.onStage = { reached in
            guard reached == stage else { return }
            let isLast = passed.withLock { passed in
                passed += 1
                return passed == count
            }
            if isLast { kill(getpid(), SIGKILL) }
        }
    }
    return configuration
}

/// Goes on after what an earlier run has left.
private func write(_ writer: Int, to store: some Store) async throws {
    var number = try await store.range("/a/\(writer)/").entries.count
    while true {
        let value = Array("\(writer) \(number)\n".utf8)
        let result = try await store.transaction(
            Transaction(
                compares: [.absent("/a/\(writer)/\(number)")],
                then: [.put("/a/\(writer)/\(number)", value), .put("/b/\(writer)/\(number)", value)]))
        guard result.succeeded else { complain("the key of writer \(writer), number \(number) is there already") }
        guard Glibc.write(1, value, value.count) == value.count else { exit(0) }
        number += 1
    }
}

private func complain(_ message: String) -> Never {
    let line = Array("store-crasher: \(message)\n".utf8)
    _ = Glibc.write(2, line, line.count)
    exit(2)
}
