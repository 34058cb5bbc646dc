package import Model

/// The free MAC addresses of this host's range, `42:HH:HH:xx:xx:xx`. Pure: no I/O and no clock.
///
/// The range is a hint: what makes an address unique in the cluster is the create-if-absent key under `macs/`, which
/// the transaction that uses a candidate must hold. An address found taken there is marked so here and passed over.
package struct MACPool: Sendable {
    /// Suffixes 1...0xffffff; 0 is left out so that an address of all zeros after the prefix is never one of ours.
    package static let lastSuffix: UInt32 = 0xff_ffff

    package let hostIndex: UInt16
    private var taken: Set<UInt32> = []
    /// When each resting suffix may be used again, in seconds since 1970.
    private var resting: [UInt32: Int64] = [:]
    /// No free suffix is below this one.
    private var lowest: UInt32 = 1
    private let last: UInt32

    /// `last` narrows the range, for tests of exhaustion.
    package init(hostIndex: UInt16, last: UInt32 = MACPool.lastSuffix) {
        self.hostIndex = hostIndex
        self.last = last
    }

    /// The lowest free address, now taken; nil when none is left.
    package mutating func take(now: Int64) -> MACAddress? {
        var firstResting: UInt32?
        guard lowest <= last else { return nil }
        for suffix in lowest...last {
            if taken.contains(suffix) { continue }
            if isResting(suffix, now: now) {
                firstResting = firstResting ?? suffix
                continue
            }
            taken.insert(suffix)
            lowest = firstResting ?? suffix + 1
            return MACAddress.fromHostIndex(hostIndex, suffix: suffix)
        }
        return nil
    }

    /// Marks an address as used by somebody; one outside this host's range is ignored.
    package mutating func markTaken(_ mac: MACAddress) {
        guard let suffix = suffix(of: mac) else { return }
        resting[suffix] = nil
        taken.insert(suffix)
    }

    /// Gives back an address that no transaction used.
    package mutating func giveBack(_ mac: MACAddress) {
        guard let suffix = suffix(of: mac) else { return }
        taken.remove(suffix)
        lowest = min(lowest, suffix)
    }

    /// A freed address rests until `until` (seconds since 1970): a neighbour's table may still hold it.
    package mutating func rest(_ mac: MACAddress, until: Int64) {
        guard let suffix = suffix(of: mac) else { return }
        taken.remove(suffix)
        resting[suffix] = until
        lowest = min(lowest, suffix)
    }

    private mutating func isResting(_ suffix: UInt32, now: Int64) -> Bool {
        guard let until = resting[suffix] else { return false }
        guard until <= now else { return true }
        resting[suffix] = nil
        return false
    }

    private func suffix(of mac: MACAddress) -> UInt32? {
        mac.hostIndex == hostIndex ? mac.suffix : nil
    }
}
