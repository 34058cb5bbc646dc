import Actors
import JSON
import Model
import Testing

/// Plays a transcript to a VM's lifecycle: a line an event, and what the machine answered to it.
///
/// The answer is `PHASE STATE: ACTION ACTION ...`, so that a test reads as the VM's life does.
struct LifecycleTranscript {
    var lifecycle: VMLifecycle
    private var revision: Int64 = 1
    private var record: VMRecord

    /// A VM as a transcript's first line sets it: `vm [restart=POLICY] [power=POWER] [external] [last=STATE] [intent=INTENT]
    /// [unheeded] [tombstoned]`. The last four are what an earlier daemon left; `unheeded` is a stop that timed out.
    init(setting: String) throws {
        var spec: JSONValue = ["kernel": "/boot/vmlinuz"]
        var status: VMStatus?
        var isTombstoned = false
        for word in setting.split(separator: " ").dropFirst() {
            let pair = word.split(separator: "=").map(String.init)
            switch pair[0] {
            case "restart", "power": spec[pair[0]] = .string(pair[1])
            case "external":
                spec["kernel"] = nil
                spec["nics"] = [["network": "default", "interface": "guest7"]]
            case "intent": status?.intent = pair[1]
            case "unheeded": status?.unheededStop = 1
            case "last":
                let state = try #require(VMState(rawValue: pair[1]))
                status = VMStatus(state: state, observedRevision: 1, powerGeneration: 1)
            case "tombstoned": isTombstoned = true
            default: throw TranscriptError(line: setting)
            }
        }
        let name = try #require(Name("web1"))
        let owner = try #require(Name("default"))
        let id = try #require(VMID("11111111-2222-4333-8444-555555555555"))
        record = VMRecord(
            uuid: id, owner: owner, name: name, spec: spec, resolved: try VMSpec.parse(spec),
            created: "2026-01-01T00:00:00Z")
        lifecycle = VMLifecycle(record: record, revision: 1, status: status, isTombstoned: isTombstoned)
    }

    /// Plays one line after the other and gives lines and answers.
    mutating func play(_ lines: String) throws -> String {
        var output: [String] = []
        for line in lines.split(separator: "\n") {
            let actions = lifecycle.handle(try event(String(line)), now: "2026-01-01T00:00:00Z")
            let told = actions.map(Self.text).joined(separator: " ")
            output.append("\(line)\n  \(lifecycle.phase.rawValue) \(lifecycle.status.state.rawValue): \(told)")
        }
        return output.joined(separator: "\n")
    }

    private mutating func event(_ line: String) throws -> VMLifecycle.Event {
        let words = line.split(separator: " ").map(String.init)
        let argument = words.dropFirst().first ?? ""
        switch words[0] {
        case "woke": return .woke
        case "found": return .found(try finding(argument))
        case "look-failed": return .lookFailed("too many open files")
        case "answers": return .monitorBack(try finding(argument))
        case "launched": return .launched(pid: 100, paused: argument == "paused")
        case "launch-failed": return .launchFailed("no such kernel")
        case "interface": return .launched(pid: nil, paused: false)
        case "shutdown": return .machine(.shutdown(byGuest: argument == "guest"))
        case "panicked": return .machine(.panicked)
        case "halted": return .machine(.stopped)
        case "resumed": return .machine(.resumed)
        case "exited": return .exited
        case "silent": return .monitorLost
        case "tombstoned": return .tombstoned
        case "cleaned": return .cleaned
        case "forgotten": return .forgotten
        case "clean-failed": return .cleanFailed("the directory is not empty")
        case "port-gone": return .portGone("v420000000001")
        case "passed": return .deadline(try #require(VMLifecycle.Deadline(rawValue: argument)))
        case "command": return .command(try #require(VMLifecycle.Command(rawValue: argument)))
        case "down": return .goingDown(force: argument == "force")
        case "staying-up": return .stayingUp
        case "changed": return changed()
        case "cpus":
            record.resolved.cpus = try #require(Int(argument))
            return changed()
        case "power": return try power(argument)
        default: throw TranscriptError(line: line)
        }
    }

    /// A change of what neither the machine nor its power hangs on.
    private mutating func changed() -> VMLifecycle.Event {
        revision += 1
        record.generation += 1
        return .desired(record, revision: revision)
    }

    private mutating func power(_ word: String) throws -> VMLifecycle.Event {
        revision += 1
        record.resolved.power = try #require(Power(rawValue: word))
        record.generation += 1
        record.powerGeneration = record.generation
        return .desired(record, revision: revision)
    }

    private func finding(_ word: String) throws -> VMLifecycle.Finding {
        switch word {
        case "nothing": .nothing
        case "running": .running(pid: 100)
        case "paused": .paused(pid: 100)
        case "prelaunch": .prelaunch(pid: 100)
        case "off": .poweredOff(pid: 100)
        case "panicked": .panicked(pid: 100)
        case "silent": .silent(pid: 100)
        default: throw TranscriptError(line: word)
        }
    }

    private static func text(_ action: VMLifecycle.Action) -> String {
        switch action {
        case .arm(let deadline): "arm(\(deadline.rawValue))"
        case .disarm(let deadline): "disarm(\(deadline.rawValue))"
        case .report(let kind, _): "tell(\(kind))"
        default: "\(action)"
        }
    }
}

struct TranscriptError: Error {
    var line: String
}
