import HTTP
import HTTPTypes
import Runtime
import TestSupport
import Testing

@Suite("with other implementations")
struct InteroperationTests {
    private func curl(_ arguments: [String], input: [UInt8]? = nil) async throws -> String {
        let spec = ProcessSpec(executable: "curl", arguments: ["-sS", "--max-time", "15"] + arguments)
        let output = try await runProcess(spec, input: input, on: TestLoops.other)
        #expect(output.errorText == "")
        return output.text
    }

    @Test("curl gets, sends bodies of both framings, waits for 100 Continue, and reuses its connection")
    func curl() async throws {
        guard try Requirement.need("curl") else { return }
        try await withServer(handler: BodyTests.echo) { server, address in
            let url = "http://\(address)/x"
            let text = try await curl(["-i", url])
            #expect(text.hasPrefix("HTTP/1.1 200 OK"))
            let twice = try await curl([url, url])
            #expect(twice == "0:\n0:\n")
            #expect(await server.counters.accepted == 2)
            let counted = try await curl(["-d", "hello", url])
            #expect(counted == "5:hello\n")
            let body = [UInt8](repeating: 0x79, count: 2_000_000)
            let chunked = try await curl(
                ["-T", "-", "-H", "Transfer-Encoding: chunked", url], input: body)
            #expect(chunked.hasPrefix("2000000:yyy"))
            let expecting = try await curl(
                ["--data-binary", "@-", "-H", "Expect: 100-continue", "--expect100-timeout", "10", url], input: body)
            #expect(expecting.hasPrefix("2000000:yyy"))
            let head = try await curl(["-I", url])
            #expect(head.contains("Content-Length: 3"))
            let old = try await curl(["--http1.0", url])
            #expect(old == "0:\n")
        }
    }

    @Test("Python's server is understood: files, 404, HEAD, and bodies that end with the connection")
    func python() async throws {
        guard try Requirement.need("python3") else { return }
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let spec = ProcessSpec(
            executable: "python3", arguments: ["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"],
            directory: directory.path, deathSignal: 9)
        let (child, port) = try await startPython(spec)
        defer { try? child.kill() }
        try await guarded {
            let client = Client(address: .ipv4(host: "127.0.0.1", port: port), on: TestLoops.other)
            let list = try await client.send(ClientRequest(path: "/"))
            #expect(list.status == 200)
            let html = try await list.body.collect(limit: 100_000)
            #expect(String(decoding: html, as: UTF8.self).contains("Directory listing"))
            #expect(list.fields[.contentLength] == "\(html.count)")
            let missing = try await client.send(ClientRequest(path: "/missing"))
            #expect(missing.status == 404)
            _ = try await missing.body.collect(limit: 100_000)
            let head = try await client.send(ClientRequest(method: "HEAD", path: "/"))
            #expect(head.status == 200)
            #expect(try await head.body.collect(limit: 0) == [])
            let refused = try await client.send(ClientRequest(method: "PUT", path: "/"))
            #expect(refused.status == 501)
        }
    }

    /// Starts it and reads its port from what it prints.
    private func startPython(_ spec: ProcessSpec) async throws -> (ChildProcess, UInt16) {
        var spec = spec
        var ends: [CInt] = [-1, -1]
        try #require(openPipe(&ends))
        spec.inheritedDescriptors[1] = ends[1]
        let child = try await ChildProcess.spawn(spec, on: TestLoops.other)
        closeDescriptor(ends[1])
        let output = Connection(adopting: ends[0], on: TestLoops.other)
        let port = try await withDeadline(guardTime, on: TestLoops.other, "Python's first line") {
            var text = ""
            while let bytes = try await output.read() {
                text += String(decoding: bytes, as: UTF8.self)
                // The whole line: it writes the line's end by itself, and dies of a pipe that is closed by then.
                guard text.hasSuffix("\n") else { continue }
                if let match = text.firstMatch(of: /port (\d+)/), let port = UInt16(match.1) { return port }
            }
            return UInt16(0)
        }
        return (child, port)
    }
}
