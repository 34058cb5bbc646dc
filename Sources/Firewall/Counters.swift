internal import Foundation

/// How often, and with how many bytes, something was dropped.
package struct DropCount: Sendable, Codable, Equatable {
    package var packets: UInt64
    package var bytes: UInt64

    package init(packets: UInt64, bytes: UInt64) {
        self.packets = packets
        self.bytes = bytes
    }
}

/// The drop counters of all ports: by interface name, then by reason.
///
/// Only what was dropped at least once appears. They start with the port, survive every ``renderChange(from:to:)``, and start
/// anew with ``renderFull(_:)``.
package struct Counters: Sendable, Equatable {
    package private(set) var values: [String: [DropReason: DropCount]] = [:]

    package init() {}

    package subscript(ifname: String) -> [DropReason: DropCount] { values[ifname] ?? [:] }

    /// Adds what a listing says; counters of the same port and reason are added up.
    ///
    /// - Parameter json: libnftables' JSON of a listing of any sets; only the counters' own count.
    /// - Throws: ``ListingError`` when it isn't.
    package mutating func add(listing json: String) throws(ListingError) {
        let listing: Listing
        do {
            listing = try JSONDecoder().decode(Listing.self, from: Data(json.utf8))
        } catch {
            throw ListingError(message: "no listing of sets: \(error)")
        }
        for set in listing.nftables.compactMap(\.set) {
            guard let reason = set.reason else { continue }
            for element in set.elements where element.counter.packets > 0 {
                var count = values[element.val]?[reason] ?? DropCount(packets: 0, bytes: 0)
                count.packets += element.counter.packets
                count.bytes += element.counter.bytes
                values[element.val, default: [:]][reason] = count
            }
        }
    }

    /// The same with the words that operators see.
    package var byName: [String: [String: DropCount]] {
        values.mapValues { reasons in
            Dictionary(uniqueKeysWithValues: reasons.map { ($0.key.rawValue, $0.value) })
        }
    }
}

/// A listing that could not be read.
package struct ListingError: Error, Sendable, CustomStringConvertible {
    package var message: String
    package var description: String { message }
}

extension NFTContext {
    /// Reads the drop counters of all ports. Only the counters' own sets are fetched.
    ///
    /// - Throws: ``NFTError`` when a set is missing, which means that the ruleset is not whole; ``ListingError``.
    package func counters() throws -> Counters {
        var counters = Counters()
        for reason in DropReason.allCases {
            // One set a run: libnftables 1.0.6 finds only the last of several.
            let result = run("list set bridge uncloud \(reason.setName)", format: .json)
            guard result.succeeded else { throw NFTError(result) }
            try counters.add(listing: result.output)
        }
        return counters
    }
}

private struct Listing: Decodable {
    var nftables: [Item]

    struct Item: Decodable { var set: SetItem? }

    struct SetItem: Decodable {
        /// The reason it counts, nil for a set of another kind.
        var reason: DropReason?
        var elements: [Element] = []

        enum CodingKeys: CodingKey { case family, table, name, elem }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            let name = try fields.decode(String.self, forKey: .name)
            guard try fields.decode(String.self, forKey: .family) == "bridge",
                try fields.decode(String.self, forKey: .table) == "uncloud", name.hasPrefix("drop_")
            else { return }
            reason = DropReason(rawValue: String(name.dropFirst(5)))
            guard reason != nil else { return }
            elements = try fields.decodeIfPresent([Wrapper].self, forKey: .elem)?.map(\.elem) ?? []
        }
    }

    struct Wrapper: Decodable { var elem: Element }
    struct Element: Decodable {
        var val: String
        var counter: Count
    }
    struct Count: Decodable {
        var packets: UInt64
        var bytes: UInt64
    }
}
