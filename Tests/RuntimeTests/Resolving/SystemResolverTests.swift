import Runtime
import TestSupport
import Testing

@Suite("the system's resolver")
struct SystemResolverTests {
    @Test("knows the names of the hosts file, and addresses as text of their own family")
    func system() async throws {
        let resolver = SystemResolver.shared
        try await bounded { () async throws in
            let local = try await resolver.addresses(of: "localhost", port: 80, family: .ipv4)
            #expect(local.contains(.ipv4(host: "127.0.0.1", port: 80)))
            #expect(
                try await resolver.addresses(of: "2001:db8::1", port: 8080, family: .ipv6)
                    == [.ipv6(host: "2001:db8::1", port: 8080)])
            #expect(try await resolver.addresses(of: "2001:db8::1", port: 1, family: .ipv4).isEmpty)
            await #expect(throws: ResolutionError.self) {
                try await resolver.addresses(of: "", port: 1, family: .ipv4)
            }
        }
    }

    @Test("returns at once when cancelled, while the look-up itself goes on, and refuses more than may wait")
    func bounds() async throws {
        let hold = Hold()
        let begun = Recorder<String>()
        let resolver = SystemResolver(threads: 1, waiting: 1) { host, port, _ in
            begun.add(host)
            if host == "slow" { hold.wait() }
            return [.ipv4(host: "192.0.2.1", port: port)]
        }
        try await bounded {
            let look = { @Sendable (host: String) in
                spawn(on: TestLoops.loop, "look-up") {
                    try await resolver.addresses(of: host, port: 1, family: .ipv4)
                }
            }
            let slow = look("slow")
            _ = try await begun.wait(for: 1)
            slow.cancel()
            await #expect(throws: CancellationError.self) { try await slow.value }
            // The thread is still busy with it: one may wait, and not two.
            let tasks = [look("second"), look("third")]
            let refused = await withTaskGroup(of: Bool.self) { group in
                for task in tasks {
                    group.addTask {
                        do { _ = try await task.value } catch { return error is BlockingPoolFull }
                        return false
                    }
                }
                let first = await group.next()
                hold.release()
                return [first, await group.next()]
            }
            #expect(refused == [true, false])
            #expect(begun.values.count == 2)
        }
    }
}
