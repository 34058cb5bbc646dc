package import Actors

extension Settings {
    /// The node's configuration. Call where the loader found no problem.
    package func nodeConfiguration(executable: String) -> NodeConfiguration {
        NodeConfiguration(
            stateDirectory: self["node.state-directory"] ?? "", runDirectory: self["node.run-directory"] ?? "",
            namespace: self["node.namespace"] ?? "uncloud", executable: executable,
            loops: Int(number("node.loops") ?? 0), qemuBinary: self["node.qemu"] ?? "",
            accelerator: self["node.accelerator"].flatMap(NodeConfiguration.Accelerator.init) ?? .auto,
            vmUserBase: number("node.vm-user-base").flatMap { $0 == 0 ? nil : UInt32(exactly: $0) },
            nodeName: self["node.name"] ?? "node", stopTimeout: seconds("shutdown.stop-timeout") ?? 60)
    }
}
