import HTTPTypes
import uncloud_node

extension WrongInput {
    static let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAFqO44fYwvEZBTggzixd8ICbOQQTjNxky/UbedOa6Pv me@here"
    static let long = String(repeating: "x", count: 64)

    /// VMs: what the command line and the node refuse. `web1` is there and off, `runner` runs, `guard` is protected.
    static let vms: [WrongInput] = [
        .command("a name with upper case", .usage, ["vm", "create", "Web_1"], names: ["name", "web-1"]),
        .command("an empty name", .usage, ["vm", "create", ""], names: ["NAME", "empty"]),
        .command("a name that is too long", .usage, ["vm", "create", long], names: ["name", "63"]),
        .command(
            "memory without a unit", .usage, ["vm", "create", "a", "--memory", "2048"], names: ["--memory", "2048MiB"]),
        .command(
            "memory with half a unit", .usage, ["vm", "create", "a", "--memory", "2G"], names: ["--memory", "2GiB"]),
        .command(
            "too little memory", .usage, ["vm", "create", "a", "--memory", "1MiB"], names: ["spec.memory", "4MiB"]),
        .command("no processor", .usage, ["vm", "create", "a", "--cpus", "0"], names: ["spec.cpus", "1"]),
        .command("processors in words", .usage, ["vm", "create", "a", "--cpus", "two"], names: ["--cpus", "write 2"]),
        .command(
            "a missing kernel", .usage, ["vm", "create", "a", "--kernel", "/nowhere/vmlinuz"],
            names: ["spec.kernel", "/nowhere/vmlinuz"]),
        .command(
            "an initial RAM disk alone", .usage, ["vm", "create", "a", "--initrd", "/etc/hostname"],
            names: ["spec.initrd", "kernel"]),
        .command(
            "a disk without its format", .usage, ["vm", "create", "a", "--disk", "/d.raw"],
            names: ["--disk", "format=raw"]),
        .command(
            "a disk of another format", .usage, ["vm", "create", "a", "--disk", "/d,format=vmdk"],
            names: ["--disk", "qcow2"]),
        .command(
            "a missing disk", .usage, ["vm", "create", "a", "--disk", "/nowhere/d,format=raw"],
            names: ["spec.disks[0].file", "/nowhere/d"]),
        .command(
            "a disk that is no qcow2 image", .usage, ["vm", "create", "a", "--disk", "/etc/hostname,format=qcow2"],
            names: ["spec.disks[0].format", "no qcow2 image", "qemu-img info"]),
        .command(
            "a network that is not there", .usage, ["vm", "create", "a", "--nic", "network=lan9"],
            names: ["spec.nics[0].network", "lan9"]),
        .command(
            "a MAC that is none", .usage, ["vm", "create", "a", "--nic", "network=default,mac=zz"],
            names: ["spec.nics[0].mac", "42:"]),
        .command(
            "a multicast MAC", .usage, ["vm", "create", "a", "--nic", "network=default,mac=01:00:5e:00:00:01"],
            names: ["spec.nics[0].mac", "multicast"]),
        .command(
            "a MAC that is taken", .conflict, ["vm", "create", "a", "--nic", "network=default,mac=42:00:00:00:00:07"],
            names: ["spec.nics[0].mac", "42:00:00:00:00:07", "leave mac out"]),
        .command(
            "an interface that can't be", .usage, ["vm", "create", "a", "--interface", "a/b"],
            names: ["spec.nics[0].interface", "ip link"]),
        .command(
            "an interface that is not there", .usage, ["vm", "create", "a", "--interface", "nowhere0"],
            names: ["spec.nics[0].interface", "nowhere0", "ip link"]),
        .command(
            "an interface that is no Ethernet", .usage, ["vm", "create", "a", "--interface", "lo"],
            names: ["spec.nics[0].interface", "lo", "choose another one"]),
        .command(
            "an interface that is the node's own", .usage, ["vm", "create", "a", "--interface", "b1"],
            names: ["spec.nics[0].interface", "b1", "choose another one"]),
        .command(
            "a key that is none", .usage, ["vm", "create", "a", "--ssh-key", "hello"], names: ["spec.sshKeys", ".pub"]),
        .command(
            "a stored key that is not there", .usage, ["vm", "create", "a", "--ssh-key", "key:nobody"],
            names: ["spec.sshKeys", "nobody", "key add"]),
        .command(
            "a key file that is not there", .usage, ["vm", "create", "a", "--ssh-key", "@/nowhere.pub"],
            names: ["--ssh-key", "/nowhere.pub"]),
        .command("a VM twice", .conflict, ["vm", "create", "web1"], names: ["web1", "exists", "delete"]),
        .command("a VM that is not there", .notFound, ["vm", "show", "nobody"], names: ["nobody", "vm list"]),
        .command("a change of nothing", .usage, ["vm", "set", "web1"], names: ["vm set", "--ssh-key"]),
        .command(
            "a change of what is not there", .notFound, ["vm", "set", "nobody", "--cpus", "2"], names: ["nobody"]),
        .command(
            "a label without a value", .usage, ["vm", "set", "web1", "--label", "tier"], names: ["--label", "k=v"]),
        .command(
            "a restart policy in words", .usage, ["vm", "set", "web1", "--restart", "maybe"],
            names: ["--restart", "on-failure"]),
        .command("deleting a running VM", .refused, ["vm", "delete", "runner"], names: ["runner", "stop"]),
        .command(
            "deleting a protected VM", .refused, ["vm", "delete", "guard"],
            names: ["guard", "uncloud-node vm set guard --no-protected"]),
        .command(
            "the console of a VM that is off", .refused, ["vm", "console", "web1", "--until", "x"],
            names: ["web1", "vm start"]),
        .command("nothing named", .usage, ["vm", "stop"], names: ["NAME", "-l k=v"]),
    ]

    /// Networks, keys and looks.
    static let others: [WrongInput] = [
        .command(
            "a network twice", .conflict, ["network", "create", "default", "--prefix", "fd12:3456:789a:9::/64"],
            names: ["default", "exists"]),
        .command(
            "a prefix that is no /64", .usage, ["network", "create", "n", "--prefix", "fd12:3456:789a::/48"],
            names: ["spec.prefix", "/64"]),
        .command(
            "a prefix of IPv4", .usage, ["network", "create", "n", "--prefix", "10.0.0.0/24"],
            names: ["spec.prefix", "fd12"]),
        .command(
            "a prefix with host bits", .usage, ["network", "create", "n", "--prefix", "fd12:3456:789a:9::1/64"],
            names: ["spec.prefix", "fd12:3456:789a:9::/64"]),
        .command(
            "the prefix of the metadata service", .usage, ["network", "create", "n", "--prefix", "fd00:ec2::/64"],
            names: ["spec.prefix", "metadata"]),
        .command(
            "a domain that is none", .usage,
            ["network", "create", "n", "--prefix", "fd12:3456:789a:9::/64", "--domain", "a b"],
            names: ["spec.domain", "uncloud.internal"]),
        .command(
            "an MTU below IPv6's least", .usage,
            ["network", "create", "n", "--prefix", "fd12:3456:789a:9::/64", "--mtu", "1000"],
            names: ["spec.mtu", "1280"]),
        .command("deleting a network in use", .refused, ["network", "delete", "default"], names: ["default", "web1"]),
        .command(
            "deleting no network", .notFound, ["network", "delete", "nobody"], names: ["nobody", "network list"]),
        .command(
            "a key whose blob is of another type", .usage,
            ["key", "add", "k", "ssh-rsa " + String(key.split(separator: " ")[1])], names: ["spec.publicKey"]),
        .command("a key twice", .conflict, ["key", "add", "ops", key], names: ["ops", "exists"]),
        .command("an address that nobody has", .notFound, ["who", "fd12::dead"], names: ["fd12::dead"]),
        .command(
            "a format that has no meaning", .usage, ["events", "-o", "name"],
            names: ["-o", "name", "-o table, -o wide"]),
        .command(
            "a format where nothing is printed", .usage, ["vm", "log", "web1", "-o", "json"], names: ["-o", "json"]),
        .command(
            "a selector where nothing has labels", .usage, ["key", "delete", "ops", "-l", "a=b"], names: ["--selector"]),
        .command("going down for a rehearsal", .usage, ["down", "--dry-run"], names: ["--dry-run", "leave it out"]),
        .command("a format that is none", .usage, ["vm", "list", "-o", "fancy"], names: ["fancy", "--help"]),
        .command("a time without a unit", .usage, ["vm", "list", "--timeout", "60"], names: ["--timeout", "60s"]),
        .command("a selector that is none", .usage, ["vm", "list", "-l", "web"], names: ["--selector", "k=v"]),
        .command("an event number in words", .usage, ["events", "--since", "yesterday"], names: ["?since", "number"]),
        .command("an unknown command", .usage, ["vm", "explode"], names: ["explode", "--help"]),
        .command("an unknown flag", .usage, ["vm", "list", "--colour"], names: ["--colour", "--help"]),
        .command("collecting without a dry run", .usage, ["gc"], names: ["--dry-run"]),
        .command(
            "a configuration file that is not there", .usage, ["config", "check", "/nowhere.yaml"],
            names: ["/nowhere.yaml"]),
    ]

    /// Requests past the command line.
    static let requests: [WrongInput] = [
        .request(
            "an unknown field", 422, "PUT", "/v1/owners/default/vms/a", [.contentType: "application/json"],
            body: #"{"spec": {"cpu": 2}}"#, names: ["/spec/cpu", "cpus"]),
        .request(
            "an unknown member beside spec", 422, "PUT", "/v1/owners/default/vms/a", [.contentType: "application/json"],
            body: #"{"spec": {}, "status": {}}"#, names: ["/status"]),
        .request(
            "another name than the path's", 422, "PUT", "/v1/owners/default/vms/a", [.contentType: "application/json"],
            body: #"{"name": "b", "spec": {}}"#, names: ["/name", "leave it out"]),
        .request(
            "a text for a number", 422, "PUT", "/v1/owners/default/vms/a", [.contentType: "application/json"],
            body: #"{"spec": {"cpus": "two"}}"#, names: ["/spec/cpus"]),
        .request(
            "a name twice in an object", 400, "PUT", "/v1/owners/default/vms/a", [.contentType: "application/json"],
            body: #"{"spec": {}, "spec": {}}"#, names: ["twice", "byte"]),
        .request(
            "no JSON", 400, "PUT", "/v1/owners/default/vms/a", [.contentType: "application/json"], body: "cpus: 2",
            names: ["JSON", "spec"]),
        .request(
            "a patch of another kind", 415, "PATCH", "/v1/owners/default/vms/web1",
            [.contentType: "application/json-patch+json"], body: "[]", names: ["application/merge-patch+json"]),
        .request(
            "a revision that has passed", 412, "PATCH", "/v1/owners/default/vms/web1",
            [.contentType: "application/merge-patch+json", .ifMatch: "\"1\""], body: #"{"spec": {"cpus": 2}}"#,
            names: ["revision"]),
        .request(
            "a revision to come", 400, "GET", "/v1/owners/default/vms?min-revision=999999999", names: ["min-revision"]),
        .request("an unknown query parameter", 400, "GET", "/v1/owners/default/vms?limt=3", names: ["?limt", "limit"]),
        .request(
            "an owner that is no name", 422, "PUT", "/v1/owners/A%20B/vms/a", [.contentType: "application/json"],
            body: #"{"spec": {}}"#, names: ["/owner"]),
        .request(
            "an action that is none", 404, "POST", "/v1/owners/default/vms/web1/actions/explode",
            names: ["explode", "reset"]),
        .request("a path that is none", 404, "GET", "/v1/owners/default/cows", names: ["cows", "openapi"]),
    ]
}
