internal import Actors
package import JSON

/// The OpenAPI 3.1 document, made from the table of routes and the schemas beside it.
package enum OpenAPIDocument {
    package static let shared: JSONValue = make(ControlAPI.routes)

    /// Describes these routes.
    package static func make(_ routes: [Route]) -> JSONValue {
        var paths: [String: JSONValue] = [:]
        for route in routes {
            var item = paths[route.pattern] ?? parameters(of: route).map { ["parameters": $0] } ?? [:]
            item[route.method.lowercased()] = operation(route)
            paths[route.pattern] = item
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "uncloud-node control API", "version": .string(Version.text),
                "description":
                    "Desired and observed state of the VMs, networks and keys of a node. `/v1` grows, it never changes.",
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "servers": [["url": "http://localhost", "description": "the unix socket RUN/api.sock"]],
            "paths": .object(paths),
            "components": ["schemas": OpenAPISchemas.shared],
        ]
    }

    private static func parameters(of route: Route) -> JSONValue? {
        let names = route.segments.compactMap { segment in
            if case .parameter(let name) = segment { name } else { nil }
        }
        guard !names.isEmpty else { return nil }
        return .array(
            names.map { name in
                ["name": .string(name), "in": "path", "required": true, "schema": ["type": "string"]]
            })
    }

    private static func operation(_ route: Route) -> JSONValue {
        var operation: JSONValue = [
            "operationId": .string(route.operation), "summary": .string(route.summary), "responses": responses(route),
        ]
        let fields = headerParameters(route)
        let parameters = route.query.map(parameter) + fields
        if !parameters.isEmpty { operation["parameters"] = .array(parameters) }
        if let body = route.body {
            operation["requestBody"] = ["required": true, "content": content(body.type, body.schema)]
        }
        return operation
    }

    private static func parameter(_ parameter: QueryParameter) -> JSONValue {
        let schema: JSONValue =
            switch parameter.kind {
            case .flag: ["type": "boolean"]
            case .number(let range):
                ["type": "integer", "minimum": .int(range.lowerBound), "maximum": .int(range.upperBound)]
            case .text: ["type": "string"]
            }
        return [
            "name": .string(parameter.name), "in": "query", "description": .string(parameter.summary), "schema": schema,
            "allowEmptyValue": .bool(parameter.kind == .flag),
        ]
    }

    private static func headerParameters(_ route: Route) -> [JSONValue] {
        let named: (String, String) -> JSONValue = { name, summary in
            ["name": .string(name), "in": "header", "description": .string(summary), "schema": ["type": "string"]]
        }
        let isWrite = route.query.contains(.dryRun)
        guard isWrite else { return [] }
        return [
            route.method == "PUT" ? named("If-None-Match", "`*`: create only") : nil,
            named("If-Match", "the revision that must be met, in quotes"),
            named("Idempotency-Key", "a repeated write with the same key is answered as the first one was"),
        ].compactMap { $0 }
    }

    private static func responses(_ route: Route) -> JSONValue {
        var responses: [String: JSONValue] = [
            "default": [
                "description": "what went wrong (RFC 9457)", "content": content("application/problem+json", "Problem"),
            ]
        ]
        for status in route.statuses {
            var answer: JSONValue = [
                "description": .string(status == 201 ? "created" : status == 101 ? "raw bytes follow" : "done")
            ]
            switch route.outcome {
            case .json(let schema): answer["content"] = content("application/json", schema)
            case .jsonOrLines(let schema, let line):
                var both = content("application/json", schema)
                both[WatchStream.mediaType] = ["schema": ["$ref": .string("#/components/schemas/\(line)")]]
                answer["content"] = both
            case .text: answer["content"] = ["text/plain": ["schema": ["type": "string"]]]
            case .upgrade: break
            }
            if case .json = route.outcome, route.pattern.hasPrefix("/v1/owners") || route.pattern.hasPrefix("/v1/vms") {
                answer["headers"] = [
                    "Uncloud-Revision": [
                        "description": "the store's revision that the answer shows", "schema": ["type": "integer"],
                    ]
                ]
            }
            responses[String(status)] = answer
        }
        return .object(responses)
    }

    private static func content(_ type: String, _ schema: String) -> JSONValue {
        .object([type: ["schema": ["$ref": .string("#/components/schemas/\(schema)")]]])
    }
}
