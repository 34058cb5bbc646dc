internal import Actors
internal import HTTP
internal import JSON
internal import Model

extension Route {
    /// What belongs to the node and not to an owner.
    static let nodeWide: [Route] = [
        Route(
            "GET", "/v1/openapi.json", "getOpenAPI", "This description.", outcome: .json("OpenAPI")
        ) { _ in .json(OpenAPIDocument.shared) },
        Route(
            "GET", "/v1/node", "getNode", "The node, its parts and what is wrong with them.", outcome: .json("Node")
        ) { call in
            let status = try await call.node.status()
            return .json(status, revision: status["revision"]?.intValue)
        },
        Route(
            "GET", "/v1/node/status", "getNodeStatus", "The same as /v1/node.", outcome: .json("Node")
        ) { call in
            let status = try await call.node.status()
            return .json(status, revision: status["revision"]?.intValue)
        },
        Route(
            "GET", "/v1/node/doctor", "getNodeDoctor", "What the host has and lacks, as the daemon sees it.",
            outcome: .json("Doctor")
        ) { call in .json(await call.doctor()) },
        Route(
            "POST", "/v1/node/actions/down", "takeNodeDown",
            "Stops all VMs and removes networks, helper, keeper and holder; the store stays. The daemon ends afterwards.",
            query: [.force], outcome: .json("Down")
        ) { call in .json(try await call.node.down(force: call.query.flag(.force))) },
        Route(
            "GET", "/v1/events", "listEvents",
            "What happened on this node, oldest first; with `watch`, also what follows.",
            query: [.watch, .since], outcome: .jsonOrLines("EventList", "Event"), run: WatchStream.events),
        Route(
            "GET", "/v1/who/{term}", "who", "Which VM has this address, MAC, tap name or process number.",
            outcome: .json("Who")
        ) { call in .json(try await call.node.who(call.parameter("term"))) },
        Route(
            "GET", "/v1/firewall", "getFirewall",
            "The rules as the kernel has them, the drops by VM and reason, and what differs from what should be.",
            outcome: .json("Firewall")
        ) { call in .json(try await call.node.firewall()) },
        Route(
            "GET", "/v1/garbage", "getGarbage", "What is on this host that no record explains.",
            outcome: .json("Garbage")
        ) { call in .json(try await call.node.garbage()) },
    ]
}
