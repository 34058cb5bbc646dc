internal import Model
package import Runtime

/// The numbers that the kernel knows network cards and networks by on this host, in memory: the records hold them, so
/// they are counted anew at each start.
package actor NumberAllocator {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private var cards = NumberPool(last: NICRecord.numbers.upperBound)
    private var networks = NumberPool(last: 0xffff)

    package init(_ catalog: Catalog, loop: EventLoop) {
        self.loop = loop
        for vm in catalog.vms.values { for number in vm.record.numbers { cards.markTaken(number) } }
        for network in catalog.networks.values { networks.markTaken(network.record.number) }
    }

    /// A number for a network card.
    ///
    /// - Throws: `ProblemError` `nic.exhausted` when all 1,048,575 are in use.
    package func takeCard() throws -> UInt32 {
        guard let number = cards.take() else {
            throw ProblemError(
                status: 507, code: "nic.exhausted", detail: "all numbers for network cards of this host are in use",
                fix: "delete VMs")
        }
        return number
    }

    package func giveBack(cards numbers: [UInt32]) {
        for number in numbers { cards.giveBack(number) }
    }

    /// A number for a network.
    ///
    /// - Throws: `ProblemError` `network.exhausted` when all 65,535 are in use.
    package func takeNetwork() throws -> UInt32 {
        guard let number = networks.take() else {
            throw ProblemError(
                status: 507, code: "network.exhausted", detail: "all numbers for networks of this host are in use",
                fix: "delete networks")
        }
        return number
    }

    package func giveBack(network number: UInt32) {
        networks.giveBack(number)
    }
}
