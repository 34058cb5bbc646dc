package import JSON

/// The schemas of what goes through the control API (JSON Schema 2020-12, as OpenAPI 3.1 has it), as JSON.
package enum OpenAPISchemas {
    /// The schemas by name; a text that is no JSON would leave null here, which the tests would see.
    package static let shared: JSONValue = {
        var all: [String: JSONValue] = [:]
        for text in [resources, specifications, nodeWide] {
            all.merge((try? JSONValue(parsing: text))?.objectValue ?? [:]) { $1 }
        }
        return .object(all)
    }()

    private static let resources = #"""
        {
          "Problem": {"type": "object", "required": ["type", "title", "status", "detail", "code", "retryable"],
            "properties": {"type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
              "detail": {"type": "string"}, "code": {"type": "string"}, "retryable": {"type": "boolean"},
              "fix": {"type": "string"}, "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}}}},
          "FieldError": {"type": "object", "required": ["pointer", "code", "message", "fix"],
            "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"},
              "fix": {"type": "string"}}},
          "Revision": {"type": "integer", "minimum": 0},
          "Time": {"type": "string", "format": "date-time"},
          "VM": {"type": "object",
            "required": ["kind", "owner", "name", "uuid", "revision", "created", "spec", "resolved", "nics", "status"],
            "properties": {"kind": {"const": "vm"}, "owner": {"type": "string"}, "name": {"type": "string"},
              "uuid": {"type": "string"}, "revision": {"$ref": "#/components/schemas/Revision"},
              "generation": {"type": "integer", "minimum": 1}, "created": {"$ref": "#/components/schemas/Time"}, "spec": {"type": "object", "additionalProperties": true},
              "resolved": {"$ref": "#/components/schemas/VMSpec"},
              "nics": {"type": "array", "items": {"$ref": "#/components/schemas/NIC"}},
              "status": {"$ref": "#/components/schemas/VMStatus"}}},
          "VMList": {"type": "object", "required": ["kind", "revision", "items"],
            "properties": {"kind": {"const": "vm-list"}, "revision": {"$ref": "#/components/schemas/Revision"},
              "continue": {"type": "string"}, "items": {"type": "array", "items": {"$ref": "#/components/schemas/VM"}}}},
          "NIC": {"type": "object", "required": ["network", "mac", "tap", "addresses"],
            "properties": {"network": {"type": "string"}, "mac": {"type": "string"}, "tap": {"type": "string"},
              "interface": {"type": "string"}, "number": {"type": "integer"},
              "addresses": {"type": "array", "items": {"type": "string"}}}},
          "NICs": {"type": "object", "required": ["items"],
            "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/NIC"}}}},
          "Addresses": {"type": "object", "required": ["items"],
            "properties": {"items": {"type": "array", "items": {"type": "string"}}}},
          "VMStatus": {"type": "object", "required": ["state", "observedRevision", "conditions", "restarts"],
            "properties": {
              "state": {"enum": ["pending", "starting", "running", "paused", "stopping", "stopped", "failed",
                "unresponsive", "unknown"]},
              "node": {"type": "string"}, "pid": {"type": ["integer", "null"]}, "ready": {"type": ["boolean", "null"]},
              "observedRevision": {"$ref": "#/components/schemas/Revision"}, "restarts": {"type": "integer"},
              "started": {"type": ["string", "null"]}, "boots": {"type": "integer"}, "intent": {"type": ["string", "null"]},
              "addresses": {"type": "array", "items": {"type": "string"}},
              "conditions": {"type": "array", "items": {"$ref": "#/components/schemas/Condition"}}}},
          "Condition": {"type": "object", "required": ["type", "status", "reason", "message", "since"],
            "properties": {"type": {"type": "string"}, "status": {"enum": ["true", "false", "unknown"]},
              "reason": {"type": "string"}, "message": {"type": "string"}, "since": {"$ref": "#/components/schemas/Time"}}},
          "Network": {"type": "object",
            "required": ["kind", "owner", "name", "number", "revision", "created", "spec", "resolved", "status"],
            "properties": {"kind": {"const": "network"}, "owner": {"type": "string"}, "name": {"type": "string"},
              "number": {"type": "integer"}, "revision": {"$ref": "#/components/schemas/Revision"},
              "created": {"$ref": "#/components/schemas/Time"}, "spec": {"type": "object", "additionalProperties": true},
              "resolved": {"$ref": "#/components/schemas/NetworkSpec"},
              "status": {"type": "object", "required": ["state"],
                "properties": {"state": {"enum": ["up", "pending", "failed"]}, "ports": {"type": "integer"},
                  "bridge": {"type": "string"}, "message": {"type": "string"}}}}},
          "NetworkList": {"type": "object", "required": ["kind", "revision", "items"],
            "properties": {"kind": {"const": "network-list"}, "revision": {"$ref": "#/components/schemas/Revision"},
              "continue": {"type": "string"},
              "items": {"type": "array", "items": {"$ref": "#/components/schemas/Network"}}}},
          "Key": {"type": "object", "required": ["kind", "owner", "name", "revision", "created", "spec"],
            "properties": {"kind": {"const": "key"}, "owner": {"type": "string"}, "name": {"type": "string"},
              "revision": {"$ref": "#/components/schemas/Revision"}, "created": {"$ref": "#/components/schemas/Time"},
              "spec": {"type": "object", "additionalProperties": true}}},
          "KeyList": {"type": "object", "required": ["kind", "revision", "items"],
            "properties": {"kind": {"const": "key-list"}, "revision": {"$ref": "#/components/schemas/Revision"},
              "continue": {"type": "string"}, "items": {"type": "array", "items": {"$ref": "#/components/schemas/Key"}}}},
          "MAC": {"type": "object", "required": ["kind", "mac", "state"],
            "properties": {"kind": {"const": "mac"}, "mac": {"type": "string"}, "name": {"type": "string"},
              "owner": {"type": ["string", "null"]}, "vm": {"type": ["string", "null"]},
              "state": {"enum": ["used", "quarantine"]}, "freed": {"type": ["string", "null"]},
              "revision": {"$ref": "#/components/schemas/Revision"}}},
          "MACList": {"type": "object", "required": ["kind", "revision", "items"],
            "properties": {"kind": {"const": "mac-list"}, "revision": {"$ref": "#/components/schemas/Revision"},
              "continue": {"type": "string"}, "items": {"type": "array", "items": {"$ref": "#/components/schemas/MAC"}}}},
          "WatchEvent": {"type": "object", "required": ["type"],
            "properties": {"type": {"enum": ["put", "deleted", "bookmark", "error"]},
              "revision": {"$ref": "#/components/schemas/Revision"},
              "object": {"type": "object", "additionalProperties": true}, "problem": {"$ref": "#/components/schemas/Problem"}}}
        }
        """#

    private static let specifications = #"""
        {
          "VMSpec": {"type": "object", "properties": {
            "cpus": {"type": "integer", "minimum": 1}, "memory": {"type": "integer", "description": "bytes"},
            "power": {"enum": ["on", "off", "paused"]}, "restart": {"enum": ["never", "on-failure", "always"]},
            "kernel": {"type": ["string", "null"]}, "initrd": {"type": ["string", "null"]},
            "append": {"type": ["string", "null"]},
            "disks": {"type": "array", "items": {"type": "object", "required": ["file", "format"],
              "properties": {"file": {"type": "string"}, "format": {"enum": ["raw", "qcow2"]},
                "readOnly": {"type": ["boolean", "null"]}}}},
            "nics": {"type": "array", "items": {"type": "object", "required": ["network"],
              "properties": {"network": {"type": "string"}, "mac": {"type": ["string", "null"]},
                "interface": {"type": ["string", "null"]}}}},
            "sshKeys": {"type": "array", "items": {"type": "string"}}, "userData": {"type": ["string", "null"]},
            "vendorData": {"type": ["string", "null"]}, "networkConfig": {"type": ["string", "null"]},
            "labels": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
            "protected": {"type": ["boolean", "null"]}}},
          "VMWrite": {"type": "object", "required": ["spec"], "additionalProperties": false,
            "properties": {"kind": {"const": "vm"}, "owner": {"type": "string"}, "name": {"type": "string"},
              "spec": {"$ref": "#/components/schemas/VMSpec"}}},
          "VMPatch": {"type": "object", "required": ["spec"], "additionalProperties": false,
            "description": "a merge patch: null takes a member away",
            "properties": {"kind": {"const": "vm"}, "owner": {"type": "string"}, "name": {"type": "string"},
              "spec": {"type": "object", "additionalProperties": true}}},
          "NetworkSpec": {"type": "object", "properties": {
            "kind": {"enum": ["shared", "private"]}, "prefix": {"type": "string", "description": "an IPv6 /64"},
            "domain": {"type": "string"}, "ra": {"enum": ["managed", "external", "none"]},
            "dns": {"enum": ["managed", "external", "none"]}, "mtu": {"type": "integer"}}},
          "NetworkWrite": {"type": "object", "required": ["spec"], "additionalProperties": false,
            "properties": {"kind": {"const": "network"}, "owner": {"type": "string"}, "name": {"type": "string"},
              "spec": {"$ref": "#/components/schemas/NetworkSpec"}}},
          "NetworkPatch": {"type": "object", "required": ["spec"], "additionalProperties": false,
            "properties": {"kind": {"const": "network"}, "owner": {"type": "string"}, "name": {"type": "string"},
              "spec": {"type": "object", "additionalProperties": true}}},
          "KeySpec": {"type": "object", "required": ["publicKey"], "properties": {"publicKey": {"type": "string"}}},
          "KeyWrite": {"type": "object", "required": ["spec"], "additionalProperties": false,
            "properties": {"kind": {"const": "key"}, "owner": {"type": "string"}, "name": {"type": "string"},
              "spec": {"$ref": "#/components/schemas/KeySpec"}}},
          "KeyPatch": {"type": "object", "required": ["spec"], "additionalProperties": false,
            "properties": {"kind": {"const": "key"}, "owner": {"type": "string"}, "name": {"type": "string"},
              "spec": {"type": "object", "additionalProperties": true}}}
        }
        """#

    private static let nodeWide = #"""
        {
          "OpenAPI": {"type": "object", "required": ["openapi", "info", "paths"], "additionalProperties": true},
          "Node": {"type": "object", "additionalProperties": true},
          "Doctor": {"type": "object", "required": ["ok", "checks"], "properties": {"ok": {"type": "boolean"},
            "checks": {"type": "array", "items": {"type": "object", "required": ["name", "state", "detail"],
              "properties": {"name": {"type": "string"}, "state": {"enum": ["ok", "limited", "missing"]},
                "detail": {"type": "string"}, "fix": {"type": "string"}}}}}},
          "Down": {"type": "object", "additionalProperties": true},
          "Event": {"type": "object", "required": ["sequence", "time", "event", "subject", "message"],
            "properties": {"sequence": {"type": "integer"}, "time": {"$ref": "#/components/schemas/Time"},
              "event": {"type": "string"}, "subject": {"type": "string"}, "message": {"type": "string"}}},
          "EventList": {"type": "object", "required": ["kind", "items"],
            "properties": {"kind": {"const": "event-list"},
              "items": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}}}},
          "Who": {"type": "object", "additionalProperties": true},
          "Firewall": {"type": "object", "additionalProperties": true},
          "Garbage": {"type": "object", "additionalProperties": true},
          "Metadata": {"type": "object", "additionalProperties": true}
        }
        """#
}
