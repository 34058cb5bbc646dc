package import Model

extension GuestPort {
    /// The bytes of all addresses.
    package var addresses: [[UInt8]] { addresses6.map(\.bytes) + addresses4.map(\.bytes) }

    /// - Throws: `HelperFailure` `port.invalid` that names the field.
    package func validate() throws(HelperFailure) {
        guard InterfaceName.isValid(ifname) else {
            throw .invalid("port.invalid", "\"\(ifname)\" is no interface name")
        }
        guard mark & 0x8000_0000 != 0, mark & 0x7fff_ffff != 0 else {
            throw .invalid("port.invalid", "the mark of \(ifname) lacks its number or the top bit")
        }
        guard !mac.isMulticast, mac.rawValue != 0 else {
            throw .invalid("port.invalid", "\(mac) of \(ifname) is no address of one interface")
        }
        let isMetadata = { (address: IPv6Address) in MetadataAddress.all6.contains(address) }
        if let wrong = addresses6.first(where: {
            $0.isMulticast || $0 == .unspecified || $0 == .loopback || isMetadata($0)
        }) {
            throw .invalid("port.invalid", "\(wrong) can't be an address of \(ifname)")
        }
        if let wrong = addresses4.first(where: {
            $0 == MetadataAddress.ipv4 || $0.rawValue == 0 || $0.rawValue >> 28 >= 14
        }) {
            throw .invalid("port.invalid", "\(wrong) can't be an address of \(ifname)")
        }
    }
}
