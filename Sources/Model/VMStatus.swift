/// What a VM is found to be doing.
package enum VMState: String, Sendable, Hashable, Codable, CaseIterable {
    /// Accepted, nothing was done yet.
    case pending
    /// Its process is being started.
    case starting
    /// Its processors run.
    case running
    /// Its processors stand still.
    case paused
    /// It was asked to end.
    case stopping
    /// It has no process.
    case stopped
    /// It ended badly and is not being started again.
    case failed
    /// Its process lives, its monitor does not answer.
    case unresponsive
    /// Nothing is known of it.
    case unknown
}

/// One aspect of a VM's status.
package struct Condition: Sendable, Hashable, Codable {
    /// Which aspect, for example `Ready`.
    package var type: String
    /// `true`, `false` or `unknown`.
    package var status: String
    /// Why, one word.
    package var reason: String
    /// Why, one line.
    package var message: String
    /// Since when, RFC 3339, UTC.
    package var since: String

    /// Makes a condition.
    package init(type: String, status: String, reason: String, message: String, since: String) {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
        self.since = since
    }
}

/// The observed state of a VM, as stored under `vms/<uuid>/status`.
package struct VMStatus: StoredRecord, Hashable {
    package var schema: Int
    /// What it is doing.
    package var state: VMState
    /// The revision of the record that this answers.
    package var observedRevision: Int64
    /// Its process, if it has one.
    package var pid: Int32?
    /// Aspects, at most one of a type.
    package var conditions: [Condition]
    /// How often it was started again.
    package var restarts: Int
    /// When it was started last, RFC 3339, UTC.
    package var started: String?
    /// How many processes were started for it, over its whole life: a later one tells that it was started again.
    package var boots: Int?
    /// The addresses that its guest has or will make, RFC 5952.
    package var addresses: [String]
    /// What is under way, written before it is begun: `launch`, `stop`, `restart`, `delete`.
    package var intent: String?
    /// The record's `powerGeneration` that was last carried out, or given up on.
    package var powerGeneration: Int?
    /// The record's `powerGeneration` whose stop the guest did not heed: it is asked again for a later one only.
    package var unheededStop: Int?

    /// Makes a status.
    package init(
        state: VMState, observedRevision: Int64 = 0, pid: Int32? = nil, conditions: [Condition] = [], restarts: Int = 0,
        started: String? = nil, boots: Int? = nil, addresses: [String] = [], intent: String? = nil,
        powerGeneration: Int? = nil, unheededStop: Int? = nil
    ) {
        schema = Self.currentSchema
        self.state = state
        self.observedRevision = observedRevision
        self.pid = pid
        self.conditions = conditions
        self.restarts = restarts
        self.started = started
        self.boots = boots
        self.addresses = addresses
        self.intent = intent
        self.powerGeneration = powerGeneration
        self.unheededStop = unheededStop
    }

    /// Sets the condition of a type; its `since` moves only when its status or reason does.
    package mutating func setCondition(type: String, isTrue: Bool, reason: String, message: String, now: String) {
        let status = isTrue ? "true" : "false"
        guard let index = conditions.firstIndex(where: { $0.type == type }) else {
            conditions.append(Condition(type: type, status: status, reason: reason, message: message, since: now))
            return
        }
        if conditions[index].status != status || conditions[index].reason != reason { conditions[index].since = now }
        conditions[index].status = status
        conditions[index].reason = reason
        conditions[index].message = message
    }
}
