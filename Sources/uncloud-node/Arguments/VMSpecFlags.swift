internal import ArgumentParser
internal import Model

/// The flags of `vm create` and `vm set` that describe a VM.
package struct VMSpecFlags: ParsableArguments {
    package init() {}

    @Option(help: ArgumentHelp("Virtual processors.", valueName: "n"))
    var cpus: String?

    @Option(help: ArgumentHelp("Memory, with a unit.", valueName: "2GiB"))
    var memory: String?

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "An existing disk; its format is stated, never guessed. May be given several times.",
            valueName: "file,format=raw|qcow2[,readonly]"))
    var disk: [String] = []

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "A network interface. May be given several times.", valueName: "network=name[,mac=42:..][,interface=if]"))
    var nic: [String] = []

    @Option(help: ArgumentHelp("An existing interface of a guest that something else runs; no QEMU.", valueName: "if"))
    var interface: String?

    @Option(
        name: .customLong("ssh-key"), parsing: .singleValue,
        help: ArgumentHelp(
            "A public key: its line, @FILE, or key:NAME of \"key list\". May be given several times.",
            valueName: "key|@file|key:name"))
    var sshKey: [String] = []

    @Option(
        name: .customLong("user-data"),
        help: ArgumentHelp("User-data: text, @FILE, or - for standard input.", valueName: "@file"))
    var userData: String?

    @Option(name: .customLong("vendor-data"), help: ArgumentHelp("Vendor-data, likewise.", valueName: "@file"))
    var vendorData: String?

    @Option(
        name: .customLong("network-config"), help: ArgumentHelp("NoCloud network-config, likewise.", valueName: "@file")
    )
    var networkConfig: String?

    @Option(help: ArgumentHelp("A kernel to boot directly.", valueName: "file"), completion: .file())
    var kernel: String?

    @Option(help: ArgumentHelp("Its initial RAM disk.", valueName: "file"), completion: .file())
    var initrd: String?

    @Option(help: ArgumentHelp("Its command line.", valueName: "text"))
    var append: String?

    @Option(
        help: "What follows when the guest ends: never, on-failure or always.",
        completion: .list(RestartPolicy.allCases.map(\.rawValue)))
    var restart: String?

    @Option(help: "Desired power: on, off or paused.", completion: .list(Power.allCases.map(\.rawValue)))
    var power: String?

    @Flag(inversion: .prefixedNo, help: "Refuse to delete it, or no longer.")
    var protected: Bool?

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("A label; k- takes one away. May be given several times.", valueName: "k=v"))
    var label: [String] = []

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("A flag's name without dashes, whose field goes back to its default.", valueName: "field"))
    var unset: [String] = []
}
