/// The native dialect: plain text under `http://metadata/`, of which `/ssh-keys` is the original uncloud's one
/// documented path: `curl http://metadata/ssh-keys >> ~/.ssh/authorized_keys`.
package struct NativeDialect: Dialect {
    static let text = "text/plain; charset=utf-8"
    static let keys = ["name", "owner", "ssh-keys", "user-data", "uuid"]

    package init() {}

    package func pages(for facts: GuestFacts) -> [MetadataPage] {
        [
            page("/", Self.keys.map { $0 + "\n" }.joined()),
            page("/name", facts.name + "\n"),
            page("/owner", facts.owner + "\n"),
            page("/ssh-keys", facts.sshKeys.map { $0 + "\n" }.joined()),
            // Without a line end of ours: a guest gets the bytes its owner wrote.
            MetadataPage(path: "/user-data", contentType: Self.text, body: facts.userData ?? "", isSecret: true),
            page("/uuid", facts.uuid + "\n"),
        ]
    }

    private func page(_ path: String, _ body: String) -> MetadataPage {
        MetadataPage(path: path, contentType: Self.text, body: body)
    }
}
