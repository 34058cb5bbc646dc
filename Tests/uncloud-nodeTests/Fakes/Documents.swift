import JSON

/// Documents as a node shows them.
enum SampleDocuments {
    static func vm(
        _ name: String, owner: String = "default", revision: Int64 = 7, state: String = "running",
        spec: JSONValue = ["memory": 2_147_483_648], observed: Int64? = nil, boots: Int64 = 1,
        reason: String = "Launched",
        labels: JSONValue = ["tier": "web"]
    ) -> JSONValue {
        [
            "kind": "vm", "owner": .string(owner), "name": .string(name),
            "uuid": "11111111-2222-4333-8444-555555555555", "revision": .int(revision), "generation": 1,
            "created": "2026-11-20T08:00:00Z", "spec": spec,
            "resolved": [
                "cpus": 2, "memory": 2_147_483_648, "power": "on", "restart": "on-failure", "disks": [],
                "nics": [["network": "default"]], "sshKeys": [], "labels": labels,
            ],
            "nics": [
                [
                    "network": "default", "mac": "42:00:00:12:34:56", "tap": "v420000123456", "number": 1,
                    "addresses": ["fe80::4000:ff:fe12:3456", "fd12::4000:ff:fe12:3456"],
                ]
            ],
            "status": [
                "state": .string(state), "node": "n1", "pid": 4711, "ready": true,
                "observedRevision": .int(observed ?? revision), "restarts": 0, "boots": .int(boots),
                "started": "2026-11-20T08:00:01Z",
                "conditions": [
                    [
                        "type": "Running", "status": "true", "reason": .string(reason), "message": "the guest runs",
                        "since": "2026-11-20T08:00:01Z",
                    ]
                ],
            ],
        ]
    }

    static func network(_ name: String, owner: String = "default", revision: Int64 = 3) -> JSONValue {
        [
            "kind": "network", "owner": .string(owner), "name": .string(name), "number": 1, "revision": .int(revision),
            "created": "2026-11-20T08:00:00Z", "spec": ["prefix": "fd12:3456:789a:1::/64"],
            "resolved": [
                "kind": "shared", "prefix": "fd12:3456:789a:1::/64", "domain": "uncloud.internal", "ra": "managed",
                "dns": "managed", "mtu": 1500,
            ],
            "status": ["state": "up", "message": "", "ports": 2],
        ]
    }

    static func key(_ name: String, owner: String = "default", revision: Int64 = 4) -> JSONValue {
        [
            "kind": "key", "owner": .string(owner), "name": .string(name), "revision": .int(revision),
            "created": "2026-11-20T08:00:00Z", "spec": ["publicKey": "ssh-ed25519 AAAA me@here"],
        ]
    }

    static func mac(_ mac: String, owner: String = "default") -> JSONValue {
        [
            "kind": "mac", "name": .string(mac), "mac": .string(mac), "revision": 5, "owner": .string(owner),
            "vm": "web1",
            "state": "used", "freed": .null,
        ]
    }
}
