import Foundation
import Glibc
import HTTP
import HTTPTypes
import Runtime
import TestSupport
import Testing

@Suite("files and conditions")
struct FileTests {
    private static let pool = BlockingPool(threads: 1, label: "files")
    private static let content = "0123456789abcdefghij"

    /// Serves a directory of its own, with one old file, one fresh one and a link.
    private func withFiles(_ body: @escaping @Sendable (Server, Client, String) async throws -> Void) async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "http-files-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: root.appending(path: "sub"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        try Data(Self.content.utf8).write(to: root.appending(path: "old.txt"))
        try Data(Self.content.utf8).write(to: root.appending(path: "sub/fresh.txt"))
        try Data().write(to: root.appending(path: "empty"))
        try Data(repeating: 0x61, count: 1_000_000).write(to: root.appending(path: "large"))
        let date = Date(timeIntervalSince1970: 784_111_777)
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: root.path + "/old.txt")
        // Later than any clock of this test, however slow it is.
        try FileManager.default.setAttributes(
            [.modificationDate: Date.distantFuture], ofItemAtPath: root.path + "/sub/fresh.txt")
        symlink("old.txt", root.path + "/link")
        let directory = root.path
        try await withServer(
            handler: { _, _ in
                .task { request in
                    try await FileAnswers(on: Self.pool).answer(
                        request, segments: request.pathSegments, below: directory, type: "text/plain",
                        fields: [.cacheControl: "no-cache"])
                }
            },
            { server, address in
                let client = Client(address: address, on: TestLoops.other)
                try await body(server, client, directory)
                client.close()
            })
    }

    private static func ask(
        _ client: Client, _ path: String, _ fields: HTTPFields = [:], method: String = "GET"
    ) async throws -> (status: Int, fields: HTTPFields, body: String) {
        let response = try await client.send(ClientRequest(method: method, path: path, fields: fields))
        let bytes = try await response.body.collect(limit: 2_000_000)
        return (response.status, response.fields, String(decoding: bytes, as: UTF8.self))
    }

    @Test("a file comes whole, with its length, tag and date; HEAD says the same without it; nothing else is served")
    func whole() async throws {
        try await withFiles { server, client, _ in
            let old = try await Self.ask(client, "/old.txt")
            #expect(old.status == 200 && old.body == Self.content)
            #expect(old.fields[.contentLength] == "20")
            #expect(old.fields[.lastModified] == "Sun, 06 Nov 1994 08:49:37 GMT")
            #expect(old.fields[.cacheControl] == "no-cache" && old.fields[.acceptRanges] == "bytes")
            #expect(old.fields[.eTag]?.hasPrefix("\"") == true)
            let head = try await Self.ask(client, "/old.txt", method: "HEAD")
            #expect(head.fields[.contentLength] == "20" && head.fields[.eTag] == old.fields[.eTag] && head.body == "")
            let fresh = try await Self.ask(client, "/sub/fresh.txt")
            #expect(fresh.body == Self.content && fresh.fields[.eTag]?.hasPrefix("W/\"") == true)
            let empty = try await Self.ask(client, "/empty")
            #expect(empty.status == 200 && empty.fields[.contentLength] == "0")
            for path in ["/", "/sub", "/none", "/old.txt/", "/sub/../old.txt", "/..%2fold.txt", "/link", "//old.txt"] {
                #expect(try await Self.ask(client, path).status == 404, "\(path)")
            }
            let post = try await Self.ask(client, "/old.txt", method: "PUT")
            #expect(post.status == 405 && post.fields[.allow] == "GET, HEAD")
            let large = try await Self.ask(client, "/large")
            #expect(large.fields[.contentLength] == "1000000")
            #expect(await server.counters.accepted == 1)
        }
    }

    @Test(
        "one range is answered with that part, an impossible one with 416, what is no single range with the whole",
        arguments: [
            ("bytes=0-4", 206, "01234", "bytes 0-4/20"), ("bytes=5-", 206, "56789abcdefghij", "bytes 5-19/20"),
            ("bytes=-3", 206, "hij", "bytes 17-19/20"), ("bytes=-99", 206, content, "bytes 0-19/20"),
            ("bytes=19-19", 206, "j", "bytes 19-19/20"),
            ("Bytes=0-99999999999999999999", 206, content, "bytes 0-19/20"),
            ("bytes=20-", 416, "", "bytes */20"), ("bytes=-0", 416, "", "bytes */20"),
            ("bytes=99999999999999999999-", 416, "", "bytes */20"),
            ("bytes=0-1,3-4", 200, content, ""), ("bytes=4-3", 200, content, ""), ("lines=1-2", 200, content, ""),
            ("bytes=a-b", 200, content, ""), ("bytes=", 200, content, ""), ("bytes=-", 200, content, ""),
        ])
    func ranges(_ range: String, _ status: Int, _ body: String, _ contentRange: String) async throws {
        try await withFiles { _, client, _ in
            let answer = try await Self.ask(client, "/old.txt", [.range: range])
            #expect(answer.status == status)
            if status != 416 { #expect(answer.body == body) }
            #expect(answer.fields[.contentRange] ?? "" == contentRange)
        }
    }

    @Test("conditions: 304, 412, and a range only of the state that If-Range names")
    func conditions() async throws {
        try await withFiles { _, client, _ in
            let tag = try #require(try await Self.ask(client, "/old.txt").fields[.eTag])
            let date = "Sun, 06 Nov 1994 08:49:37 GMT"
            let cases: [(HTTPFields, Int)] = [
                ([.ifNoneMatch: tag], 304), ([.ifNoneMatch: "\"x\", W/\(tag)"], 304), ([.ifNoneMatch: "*"], 304),
                ([.ifNoneMatch: "\"x\""], 200), ([.ifNoneMatch: "\"x\"", .ifModifiedSince: date], 200),
                ([.ifModifiedSince: date], 304), ([.ifModifiedSince: "Sunday, 06-Nov-94 08:49:37 GMT"], 304),
                ([.ifModifiedSince: "Sun Nov  6 08:49:37 1994"], 304),
                ([.ifModifiedSince: "Sun, 06 Nov 1994 08:49:36 GMT"], 200), ([.ifModifiedSince: "yesterday"], 200),
                ([.ifMatch: tag], 200), ([.ifMatch: "\"x\""], 412), ([.ifMatch: "W/" + tag], 412),
                ([.ifUnmodifiedSince: "Sun, 06 Nov 1994 08:49:36 GMT"], 412), ([.ifUnmodifiedSince: date], 200),
                ([.range: "bytes=0-1", .ifRange: tag], 206), ([.range: "bytes=0-1", .ifRange: "\"x\""], 200),
                ([.range: "bytes=0-1", .ifRange: "W/" + tag], 200), ([.range: "bytes=0-1", .ifRange: date], 200),
            ]
            for (fields, status) in cases {
                let answer = try await Self.ask(client, "/old.txt", fields)
                #expect(answer.status == status, "\(fields)")
                if status == 304 {
                    #expect(answer.fields[.eTag] == tag && answer.fields[.contentLength] == nil && answer.body == "")
                }
            }
        }
    }

    @Test("a file that shrinks under way cuts the answer")
    func shrinking() async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "http-shrink-\(UUID().uuidString)").path
        let file = open(root, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer {
            close(file)
            unlink(root)
        }
        #expect(ftruncate(file, 100_000_000) == 0)
        try await withServer(
            { $0.maxUnsent = 0 },
            handler: { _, _ in
                .task { try await FileAnswers(on: Self.pool).answer($0, path: root, type: "text/plain") }
            },
            { _, address in
                let client = Client(address: address, on: TestLoops.other)
                let response = try await client.send(ClientRequest(path: "/"))
                #expect(response.fields[.contentLength] == "100000000")
                #expect(ftruncate(file, 0) == 0)
                let error = await #expect(throws: ClientError.self) {
                    _ = try await response.body.collect(limit: 200_000_000)
                }
                #expect(error?.code == .interrupted)
            })
    }

    @Test("a star names whatever there is, also what has no tag")
    func star() {
        let untagged = Validators(tag: nil)
        #expect(untagged.verdict([.ifNoneMatch: "*"], method: "GET") == .notModified)
        #expect(untagged.verdict([.ifNoneMatch: "*"], method: "PUT") == .failed)
        #expect(untagged.verdict([.ifMatch: "*"], method: "PUT") == .proceed)
        #expect(untagged.verdict([.ifMatch: "\"x\""], method: "PUT") == .failed)
        #expect(untagged.verdict([.ifNoneMatch: "\"x\""], method: "PUT") == .proceed)
    }

    @Test("a prepared answer with a tag is 304 for whoever has it")
    func tagged() async throws {
        let tagged = TaggedResponse(fields: [("Cache-Control", "no-cache"), ("X-A", "b")], body: Array("hello".utf8))
        #expect(tagged.tag == EntityTag(of: Array("hello".utf8)))
        #expect(tagged.tag != EntityTag(of: Array("hellp".utf8)))
        try await withServer(handler: { request, _ in tagged.answer(to: request) }) { _, address in
            let peer = try await Peer(address)
            try await peer.send(get("/"))
            #expect(try await peer.receive("hello").contains("\r\nETag: \(tagged.tag)\r\n"))
            try await peer.send(get("/", "If-None-Match: \"x\", \(tagged.tag)\r\n"))
            let expected = "HTTP/1.1 304 Not Modified\r\nCache-Control: no-cache\r\nETag: \(tagged.tag)\r\n\r\n"
            #expect(try await peer.receive("\r\n\r\n") == expected)
        }
    }
}
