internal import CLinux
package import Network

/// What the netfilter notifications of one or more datagrams say about our tables. Pure.
///
/// A transaction is announced as one message per object and a closing NEWGEN with the process that made it; each carries the
/// netlink port of the socket it came from, which tells our own transactions from others'.
package struct RulesEvent: Equatable {
    /// Whether someone else touched a table of ours.
    package private(set) var isTouched = false
    /// Who: "nft (4711)"; empty if the kernel did not say.
    package private(set) var culprit = ""
    /// The number of the last transaction whose notices were complete before the last touch; nil if that is not known.
    package private(set) var after: UInt32?
    /// The same at the end of these notices: what the next ones begin with.
    package private(set) var latest: UInt32?

    /// The tables' common name.
    package static let table = "uncloud"

    /// Reads notices in their order, our own too: their closing messages tell how far the stream has come.
    package init(_ replies: [NetlinkReply], ownPort: UInt32, latest: UInt32? = nil) {
        after = latest
        self.latest = latest
        for reply in replies where reply.type >> 8 == CL_NFNL_SUBSYS_NFTABLES {
            let isClosing = reply.type & 0xff == CL_NFT_MSG_NEWGEN
            guard isClosing || reply.port != ownPort else { continue }
            // struct nfgenmsg is four bytes; attribute 1 is the table's name in every message but NEWGEN.
            let attributes = reply.attributes(after: 4)
            if isClosing {
                self.latest = attributes.bigNumber(CL_NFTA_GEN_ID) ?? self.latest
                guard reply.port != ownPort else { continue }
                let name = attributes.text(CL_NFTA_GEN_PROC_NAME) ?? ""
                if let pid = attributes.bigNumber(CL_NFTA_GEN_PROC_PID), !name.isEmpty { culprit = "\(name) (\(pid))" }
            } else if attributes.text(CL_NFTA_TABLE_NAME) == Self.table {
                isTouched = true
                after = self.latest
            }
        }
    }

    /// The request for the number of the latest transaction in the namespace.
    static func getGeneration() -> NetlinkMessage {
        NetlinkMessage(
            "read the ruleset's generation", type: CL_NFNL_SUBSYS_NFTABLES << 8 | CL_NFT_MSG_GETGEN,
            header: [0, 0, 0, 0])
    }

    static func generation(_ reply: NetlinkReply) -> UInt32? { reply.attributes(after: 4).bigNumber(CL_NFTA_GEN_ID) }
}
