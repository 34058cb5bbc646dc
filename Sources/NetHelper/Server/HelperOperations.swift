internal import JSON
internal import Network
internal import Runtime

/// The requests of the protocol: from a frame to a call of the core, and its result back to a frame. One case an operation.
struct HelperOperations: Sendable {
    let core: HelperCore

    /// What goes back: the body, descriptors that stay ours, and such that are given away.
    struct Answer: Sendable {
        var body: JSONValue = [:]
        var kept: [Int32] = []
        var given: [FileDescriptor] = []
    }

    /// - Throws: `HelperFailure` and whatever the core throws, which is told as `helper.failed`.
    func perform(_ frame: JSONValue, _ descriptors: [FileDescriptor]) async throws -> Answer {
        switch frame["op"]?.stringValue ?? "" {
        case "hello": return Answer(body: try encodeToValue(await core.info))
        case "ensure-network":
            let (state, listeners) = try await core.ensureNetwork(try member(frame, "plan"))
            return Answer(body: try encodeToValue(state), kept: listeners)
        case "remove-network": try await core.removeNetwork(number: try number(frame))
        case "adopt-listeners":
            await core.adoptListeners(number: try number(frame), descriptors.map { $0.release() })
        case "hand-over": return Answer(body: try encodeToValue(await core.listeningNetworks))
        case "listeners": return Answer(kept: await core.listeners(of: try number(frame)))
        case "create-tap":
            let tap = try await core.createTap(try member(frame, "plan"))
            return Answer(given: [FileDescriptor(owning: tap)])
        case "attach-interface":
            try await core.attachInterface(try member(frame, "plan"), existing: try member(frame, "existing"))
        case "check-interface": try await core.checkInterface(try member(frame, "existing"))
        case "remove-port": try await core.removePort(try member(frame, "ifname"))
        case "sync-rules":
            try await core.syncRules(networks: try member(frame, "networks"), ports: try member(frame, "ports"))
        case "counters": return Answer(body: try encodeToValue(try await core.counters()))
        case "rules": return Answer(body: .string(await core.listRules()))
        case "check": return Answer(body: try encodeToValue(try await core.check()))
        case "inventory": return Answer(body: try encodeToValue(try await core.inventory()))
        case let other:
            throw HelperFailure(
                code: "helper.unknown-operation", message: "this helper does not know \"\(other)\"",
                fix: "restart the node's net-helper: it is older than the daemon")
        }
        return Answer()
    }

    private func member<T: Decodable>(_ frame: JSONValue, _ name: String) throws(HelperFailure) -> T {
        do {
            return try decode(T.self, from: frame[name] ?? .null)
        } catch {
            throw HelperFailure(code: "helper.protocol", message: "\(name): \(error)")
        }
    }

    private func number(_ frame: JSONValue) throws(HelperFailure) -> UInt32 {
        guard let value = frame["number"]?.intValue, let number = UInt32(exactly: value) else {
            throw HelperFailure(code: "helper.protocol", message: "number is missing")
        }
        return number
    }

    /// An error as it goes over the socket.
    static func failure(_ error: any Error) -> HelperFailure {
        switch error {
        case let failure as HelperFailure: failure
        case let error as NetlinkError: HelperFailure(code: "netlink.failed", message: "\(error)")
        case let error as SysctlError: HelperFailure(code: "sysctl.failed", message: "\(error)")
        default: HelperFailure(code: "helper.failed", message: "\(error)")
        }
    }
}
