import Foundation
import Metadata
import Testing

@Suite("The metadata dialects")
struct DialectTests {
    private static let facts = GuestFacts(
        uuid: "11111111-2222-4333-8444-555555555555", name: "web1", owner: "default",
        sshKeys: ["ssh-ed25519 AAAA one", "ssh-rsa BBBB two"], userData: "#cloud-config\n")

    private func page(_ path: String, _ facts: GuestFacts = Self.facts) -> String? {
        Dialects.pages(for: facts).first { $0.path == path }?.body
    }

    @Test("the native dialect gives text, one key a line")
    func native() {
        #expect(page("/ssh-keys") == "ssh-ed25519 AAAA one\nssh-rsa BBBB two\n")
        #expect(page("/name") == "web1\n")
        #expect(page("/uuid") == "11111111-2222-4333-8444-555555555555\n")
        #expect(page("/owner") == "default\n")
        #expect(page("/user-data") == "#cloud-config\n")
        #expect(page("/") == "name\nowner\nssh-keys\nuser-data\nuuid\n")
    }

    @Test("each of NoCloud's four pages is there, and empty when there is nothing")
    func noCloud() {
        let bare = GuestFacts(uuid: "u", name: "n", owner: "o", sshKeys: [])
        for path in ["/user-data", "/vendor-data", "/network-config"] { #expect(page(path, bare) == "") }
        #expect(page("/meta-data", bare)?.isEmpty == false)
    }

    @Test("meta-data is JSON that no value can break out of")
    func metaData() throws {
        var facts = Self.facts
        facts.sshKeys = ["ssh-ed25519 AAAA \"evil\nkey: {\u{7}"]
        let text = try #require(page("/meta-data", facts))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["public-keys"] as? [String] == facts.sshKeys)
        #expect(object["instance-id"] as? String == facts.uuid)
        #expect(object["local-hostname"] as? String == "web1")
        #expect(text.dropLast().contains("\n") == false)
    }

    @Test("only what may be a secret is marked as one")
    func secrets() {
        let secret = Set(Dialects.pages(for: Self.facts).filter(\.isSecret).map(\.path))
        #expect(secret == ["/user-data", "/vendor-data"])
    }

    @Test("no path has two pages")
    func uniquePaths() {
        let paths = Dialects.pages(for: Self.facts).map(\.path)
        #expect(Set(paths).count == paths.count)
    }
}
