internal import Foundation

/// The constant part of a ruleset as a listing shows it: tables, chains with their hooks and rules, sets; no elements.
///
/// The check for an event of the kernel: record one after the ruleset was applied, take another when something else
/// changed the tables, and compare. It costs the same with any number of guests.
package struct Structure: Sendable, Equatable {
    /// A chain's hook and policy, a set's type, and a chain's rules in order, each by the object's full name.
    private var objects: [String: [String]] = [:]

    /// Reads libnftables' JSON of `list ruleset`, terse or not. Only our tables count.
    ///
    /// - Throws: ``ListingError`` when it is no such listing.
    package init(listing json: String) throws(ListingError) {
        let parsed = try? JSONSerialization.jsonObject(with: Data(json.utf8))
        guard let root = parsed as? [String: Any], let items = root["nftables"] as? [[String: Any]] else {
            throw ListingError(message: "no listing of a ruleset")
        }
        for case (let kind, let object as [String: Any]) in items.flatMap({ $0 }) {
            let family = object["family"] as? String ?? ""
            let table = object[kind == "table" ? "name" : "table"] as? String
            guard table == "uncloud" else { continue }
            if kind == "rule" {
                let chain = object["chain"] as? String ?? ""
                objects["chain \(family) \(chain)", default: []].append(Self.text(object["expr"] ?? ""))
            } else {
                let name = object["name"] as? String ?? ""
                let traits = object.filter { !["handle", "elem"].contains($0.key) }
                objects["\(kind) \(family) \(name)", default: []].insert(Self.text(traits), at: 0)
            }
        }
    }

    /// What is gone, altered or added since an earlier one; empty when nothing is.
    package func differences(from earlier: Structure) -> [String] {
        let names = Set(objects.keys).union(earlier.objects.keys).sorted()
        return names.compactMap { name in
            switch (earlier.objects[name], objects[name]) {
            case (let before?, let now?): before == now ? nil : "\(name) is altered"
            case (_?, nil): "\(name) is missing"
            default: "\(name) is foreign"
            }
        }
    }

    /// What of a ruleset's tables, sets and chains is missing, judged without an earlier one.
    package func missing(of ruleset: Ruleset) -> [String] {
        Self.expected(of: ruleset).sorted { $0.key < $1.key }.compactMap { name, rules in
            guard let found = objects[name] else { return "\(name) is missing" }
            guard let rules, found.count != rules + 1 else { return nil }
            return "\(name) has \(found.count - 1) rules instead of \(rules)"
        }
    }

    /// The objects that a ruleset makes, and of chains the number of rules.
    private static func expected(of ruleset: Ruleset) -> [String: Int?] {
        var objects: [String: Int?] = [:]
        for family in ["bridge", "inet", "netdev"] { objects["table \(family) uncloud"] = .some(nil) }
        for set in SetName.allCases {
            let family = set.table.split(separator: " ")[0]
            objects["\(set.isMap ? "map" : "set") \(family) \(set.rawValue)"] = .some(nil)
        }
        for name in ["meta4", "meta6", "ndmeta"] { objects["set bridge \(name)"] = .some(nil) }
        for reason in DropReason.allCases { objects["set bridge \(reason.setName)"] = .some(nil) }
        let reasons = DropReason.allCases.map(Constants.dropChain).joined()
        for (name, rules) in chains(in: Chains.bridge + "\n" + reasons) { objects["chain bridge \(name)"] = rules }
        for (name, rules) in chains(in: Chains.inet) { objects["chain inet \(name)"] = rules }
        let egress = ruleset.soundBridges.map { Constants.egressChain($0.name) }.joined()
        for (name, rules) in chains(in: egress) { objects["chain netdev \(name)"] = rules }
        return objects
    }

    /// The chains of a text of ours, where each rule has a line of its own, and how many rules they have.
    private static func chains(in text: String) -> [String: Int] {
        var counts: [String: Int] = [:]
        var chain = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            switch words.first {
            case "chain":
                chain = words.count > 1 ? String(words[1]) : ""
                counts[chain] = 0
            case nil, "}", "type": break
            default: counts[chain, default: 0] += 1
            }
        }
        return counts
    }

    private static func text(_ value: Any) -> String {
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .fragmentsAllowed]
        let data = (try? JSONSerialization.data(withJSONObject: value, options: options)) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }
}

/// Which elements are missing from a set, and which are there without being expected; `listing` is nft's text of `list set`.
func elementDifferences(in listing: String, of set: SetName, expected elements: Elements) -> [String] {
    let wanted = Set(elements.texts[set] ?? [])
    let found = Set(listedElements(listing))
    let gone = wanted.subtracting(found).sorted().map { "\(set.rawValue): \($0) is missing" }
    return gone + found.subtracting(wanted).sorted().map { "\(set.rawValue): \($0) is foreign" }
}

/// The elements of a listed set. Ours have no braces or commas of their own.
private func listedElements(_ listing: String) -> [String] {
    let bytes = Array(listing.utf8)
    let outer = bytes.firstIndex(of: UInt8(ascii: "=")) ?? bytes.endIndex
    guard let start = bytes[outer...].firstIndex(of: UInt8(ascii: "{")),
        let end = bytes[start...].firstIndex(of: UInt8(ascii: "}"))
    else { return [] }
    return bytes[(start + 1)..<end].split(separator: UInt8(ascii: ",")).map { part in
        let first = part.firstIndex { $0 > 32 } ?? part.endIndex
        let last = part.lastIndex { $0 > 32 } ?? first
        return String(decoding: part[first...last], as: UTF8.self)
    }
}

extension NFTContext {
    /// The constant part of what the kernel holds now.
    ///
    /// - Throws: ``NFTError``, ``ListingError``.
    package func structure() throws -> Structure {
        let result = run("list ruleset", format: .terseJSON)
        guard result.succeeded else { throw NFTError(result) }
        return try Structure(listing: result.output)
    }

    /// Compares a ruleset with what the kernel holds, elements too; empty when it is there and whole.
    ///
    /// For `firewall check`: reads every element, so it takes a while with thousands of guests.
    ///
    /// - Throws: ``NFTError``, ``ListingError``.
    package func check(_ ruleset: Ruleset) throws -> [String] {
        let missing = try structure().missing(of: ruleset)
        guard missing.isEmpty else { return missing }
        let elements = ruleset.elements
        var found: [String] = []
        for set in SetName.allCases {
            let result = run("list \(set.isMap ? "map" : "set") \(set.table) \(set.rawValue)")
            guard result.succeeded else { throw NFTError(result) }
            found += elementDifferences(in: result.output, of: set, expected: elements)
        }
        return found
    }
}
