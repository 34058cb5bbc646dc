package import Logging
package import Runtime

/// What the actors of a node share: each other, by name.
package struct NodeParts: Sendable {
    package let configuration: NodeConfiguration
    package let loops: [EventLoop]
    package let store: StoreActor
    package let directory: Directory
    package let network: NetworkActor
    package let events: EventLog
    package let machines: MachineFactory
    package let consoles: ConsoleDesk
    package let clock: NodeClock
    package let logger: Logger
}
