package import JSON

/// Shows the firewall's document. Pure.
package enum FirewallView {
    /// One VM's drops by reason: `{"vm": ..., "drops": {"ra": {"packets": N, "bytes": N}}}`, its ports added up.
    package static func only(owner: String, name: String, in firewall: JSONValue) -> JSONValue {
        var drops: [String: (packets: Int64, bytes: Int64)] = [:]
        for drop in firewall["drops"]?.arrayValue ?? [] where drop["vm"]?.stringValue == "\(owner)/\(name)" {
            let reason = drop["reason"]?.stringValue ?? "unknown"
            drops[reason, default: (0, 0)].packets += drop["packets"]?.intValue ?? 0
            drops[reason, default: (0, 0)].bytes += drop["bytes"]?.intValue ?? 0
        }
        return [
            "vm": .string(name), "owner": .string(owner),
            "drops": .object(drops.mapValues { ["packets": .int($0.packets), "bytes": .int($0.bytes)] }),
        ]
    }

    /// All drops as a table; `-o json` and `yaml` give the document, the rules left out unless asked for.
    package static func render(_ firewall: JSONValue, rules: Bool, renderer: Renderer) -> String {
        switch renderer.format {
        case .json, .yaml:
            var shown = firewall
            if !rules { shown["rules"] = nil }
            return renderer.document(shown)
        default:
            let rows = (firewall["drops"]?.arrayValue ?? []).map { drop in
                ["vm", "port", "reason", "packets", "bytes"].map { ResourceColumn.text(drop[$0]) }
            }
            return table(["VM", "PORT", "REASON", "PACKETS", "BYTES"], rows, renderer)
                + (rules ? "\n\(firewall["rules"]?.stringValue ?? "")\n" : "")
        }
    }

    /// One VM's drops as a table.
    package static func renderOne(_ document: JSONValue, renderer: Renderer) -> String {
        guard renderer.format != .json, renderer.format != .yaml else { return renderer.document(document) }
        let drops = (document["drops"]?.objectValue ?? [:]).sorted { $0.key < $1.key }
        let rows = drops.map {
            [$0.key, ResourceColumn.text($0.value["packets"]), ResourceColumn.text($0.value["bytes"])]
        }
        return table(["REASON", "PACKETS", "BYTES"], rows, renderer)
    }

    private static func table(_ titles: [String], _ rows: [[String]], _ renderer: Renderer) -> String {
        let columns = titles.map { TextTable.Column($0, alignsRight: $0 == "PACKETS" || $0 == "BYTES") }
        return TextTable(columns: columns, rows: rows).render(headers: renderer.headers)
    }
}
