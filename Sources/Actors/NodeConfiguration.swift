/// What a node needs to know to start: the configuration file, environment and flags, resolved.
package struct NodeConfiguration: Sendable {
    /// Which accelerator VMs get.
    package enum Accelerator: String, Sendable { case auto, kvm, tcg }

    /// Where the store and the node's identity are kept; survives a reboot.
    package var stateDirectory: String
    /// Where sockets, pid files, logs and console rings are; may be lost at a reboot.
    package var runDirectory: String
    /// The name under /run/netns of the VMs' network namespace (root only).
    package var namespace: String
    /// This program's own file, which helper, keeper and holder are started from.
    package var executable: String
    /// Event loops; 0 means one for each core.
    package var loops: Int
    package var qemuBinary: String
    package var accelerator: Accelerator
    /// The first user id of a range for VMs, one each; nil (and whenever the node is not root) runs them as the
    /// daemon's user.
    package var vmUserBase: UInt32?
    /// The node's name, shown in lists.
    package var nodeName: String
    /// How long a guest gets to power off by ACPI before a stop is told to have timed out, in seconds.
    package var stopTimeout: Int

    package init(
        stateDirectory: String, runDirectory: String, namespace: String, executable: String, loops: Int,
        qemuBinary: String, accelerator: Accelerator, vmUserBase: UInt32?, nodeName: String, stopTimeout: Int
    ) {
        self.stateDirectory = stateDirectory
        self.runDirectory = runDirectory
        self.namespace = namespace
        self.executable = executable
        self.loops = loops
        self.qemuBinary = qemuBinary
        self.accelerator = accelerator
        self.vmUserBase = vmUserBase
        self.nodeName = nodeName
        self.stopTimeout = stopTimeout
    }
}
