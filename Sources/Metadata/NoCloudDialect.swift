internal import Foundation

/// cloud-init's NoCloud source over HTTP (`ds=nocloud-net;s=http://metadata/`).
///
/// Each of its four paths answers 200, with an empty body where there is nothing: cloud-init retries any status of 400
/// and above ten times at one second (cloud-init 22.4, `DataSourceNoCloud`). `meta-data` is JSON, which is YAML, so
/// that no value of the owner's can be read as structure.
package struct NoCloudDialect: Dialect {
    private struct MetaData: Encodable {
        var instanceID: String
        var localHostname: String
        var publicKeys: [String]

        enum CodingKeys: String, CodingKey {
            case instanceID = "instance-id"
            case localHostname = "local-hostname"
            case publicKeys = "public-keys"
        }
    }

    package init() {}

    package func pages(for facts: GuestFacts) -> [MetadataPage] {
        [
            MetadataPage(path: "/meta-data", contentType: NativeDialect.text, body: metaData(of: facts)),
            MetadataPage(
                path: "/user-data", contentType: NativeDialect.text, body: facts.userData ?? "", isSecret: true),
            MetadataPage(
                path: "/vendor-data", contentType: NativeDialect.text, body: facts.vendorData ?? "", isSecret: true),
            MetadataPage(path: "/network-config", contentType: NativeDialect.text, body: facts.networkConfig ?? ""),
        ]
    }

    private func metaData(of facts: GuestFacts) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let value = MetaData(instanceID: facts.uuid, localHostname: facts.name, publicKeys: facts.sshKeys)
        // Three strings always encode; an encoder that refused them would leave the guest an empty page, not a wrong one.
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) + "\n" } ?? ""
    }
}
