import Testing

/// Tests against the kernel's own nftables and bridges, in network namespaces of their own.
///
/// Serialised: each starts a Python process that keeps a processor busy.
@Suite(.serialized, .enabled(if: Kernel.isUsable, "needs root: network namespaces"), .timeLimit(.minutes(2)))
struct KernelTests {}
