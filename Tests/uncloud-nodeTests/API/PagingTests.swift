import Actors
import HTTPTypes
import JSON
import Testing
import uncloud_node

@Suite("The control API's lists")
struct PagingTests {
    @Test("pages follow each other without a gap and without a repetition")
    func pages() async throws {
        let harness = APIHarness()
        let names = (0..<7).map { "vm\($0)" }
        for name in names { harness.node.seed(.vms, SampleDocuments.vm(name)) }
        var seen: [String] = []
        var target = "/v1/owners/default/vms?limit=3"
        var pages = 0
        while true {
            let page = await harness.ask("GET", target)
            #expect(page.fields[.uncloudRevision] == "10")
            seen += (page.json["items"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
            pages += 1
            guard let next = page.json["continue"]?.stringValue else { break }
            target = "/v1/owners/default/vms?limit=3&continue=\(PathText.escape(next))"
            try #require(pages < 5)
        }
        #expect(seen == names)
        #expect(pages == 3)
    }
}
