import Store
import Testing

@Suite("Which member is asked, and whether it is there")
struct EtcdClientStateTests {
    private func endpoint(_ text: String) throws -> EtcdEndpoint { try EtcdEndpoint(text) }

    @Test("endpoints are URLs with a host and a port")
    func endpoints() throws {
        for (text, host, port, isSecure) in [
            ("http://10.0.0.1:2379", "10.0.0.1", 2379, false), ("https://etcd.example", "etcd.example", 2379, true),
            ("https://[fd00::1]:80/", "fd00::1", 80, true), ("http://[::1]", "::1", 2379, false),
        ] {
            let endpoint = try EtcdEndpoint(text)
            #expect((endpoint.host, Int(endpoint.port), endpoint.isSecure) == (host, port, isSecure))
        }
        #expect(try EtcdEndpoint("https://[fd00::1]").description == "https://[fd00::1]:2379")
        for text in [
            "", "10.0.0.1:2379", "ftp://a", "http://", "http://a:0", "http://a:x", "http://a/b", "http://[::1]x",
        ] {
            #expect(throws: StoreError.self) { try EtcdEndpoint(text) }
        }
    }

    @Test("members are tried in turn, and one that failed not before its pause")
    func turns() throws {
        let (a, b) = (try endpoint("http://a"), try endpoint("http://b"))
        var pool = EndpointPool([a, b, a])
        #expect(pool.next(at: .zero) == .connect(a))
        #expect(pool.next(at: .zero) == .connect(b))
        pool.failed(a, at: .zero)
        #expect(pool.next(at: .zero) == .connect(b))
        pool.failed(b, at: .milliseconds(10))
        #expect(pool.next(at: .milliseconds(10)) == .wait(.milliseconds(40)))
        #expect(pool.next(at: .milliseconds(50)) == .connect(a))
        pool.failed(a, at: .milliseconds(50))
        #expect(pool.next(at: .milliseconds(60)) == .connect(b))
        pool.succeeded(b)
        #expect(pool.next(at: .milliseconds(61)) == .connect(b))
        for _ in 0..<20 {
            pool.failed(a, at: .zero)
            pool.failed(b, at: .zero)
        }
        #expect(pool.next(at: .zero) == .wait(.seconds(1)))
    }

    @Test("members that the cluster names stand in, until it does not name them any more; the configured ones stay")
    func members() throws {
        let (a, b, c) = (try endpoint("http://a"), try endpoint("http://b"), try endpoint("http://c"))
        var pool = EndpointPool([a])
        pool.follow([b, a])
        #expect(pool.endpoints == [a, b])
        pool.follow([c])
        #expect(pool.endpoints == [a, c])
        pool.drop(a)
        pool.drop(c)
        #expect(pool.endpoints == [a])
        #expect(pool.next(at: .zero) == .connect(a))
    }

    @Test("a silent peer is asked, and given up when it says nothing")
    func keepAlive() {
        var state = KeepAlive(interval: .seconds(10), patience: .seconds(5))
        #expect(state.begin(at: .seconds(1)) == .seconds(10))
        #expect(state.begin(at: .seconds(2)) == nil)
        state.hear(at: .seconds(4))
        #expect(state.tick(at: .seconds(11), hasStreams: true) == .wait(.seconds(3)))
        #expect(state.tick(at: .seconds(14), hasStreams: true) == .ask(.seconds(5)))
        state.hear(at: .seconds(15))
        #expect(state.tick(at: .seconds(19), hasStreams: true) == .wait(.seconds(6)))
        #expect(state.tick(at: .seconds(25), hasStreams: true) == .ask(.seconds(5)))
        #expect(state.tick(at: .seconds(30), hasStreams: true) == .giveUp)
    }

    @Test("nobody is asked while nothing is open")
    func rest() {
        var state = KeepAlive(interval: .seconds(10), patience: .seconds(5))
        _ = state.begin(at: .zero)
        #expect(state.tick(at: .seconds(10), hasStreams: false) == .rest)
        #expect(state.begin(at: .seconds(100)) == .seconds(10))
        #expect(state.tick(at: .seconds(110), hasStreams: true) == .ask(.seconds(5)))
    }

    @Test("another cluster and a revision that went back are refused")
    func answers() throws {
        var check = AnswerCheck()
        try check.take(cluster: 7, revision: 5, floor: 0)
        try check.take(cluster: 7, revision: 3, floor: nil)
        try check.take(cluster: 7, revision: 5, floor: 5)
        #expect(check.highest == 5)
        #expect(throws: StoreError.self) { try check.take(cluster: 8, revision: 9, floor: nil) }
        do {
            try check.take(cluster: 7, revision: 4, floor: 5)
            Issue.record("a revision went back")
        } catch {
            #expect(error.code == .restored)
        }
    }
}
