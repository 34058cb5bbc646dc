internal import Machine
internal import Runtime

/// Whether KVM works here, by Machine's probe: the processor's flag and a tiny guest that boots.
enum KVMCheck {
    struct Result: Sendable {
        var works: Bool
        var detail: String
        var fix: String?
    }

    static func probe(qemu: String, on loop: EventLoop) async -> Result {
        let probe = await probeKVM(qemu: qemu, on: loop)
        return Result(works: probe.isUsable, detail: probe.message, fix: probe.fix)
    }
}
