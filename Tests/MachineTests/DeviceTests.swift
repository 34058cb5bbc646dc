import CLinux
import Foundation
import Glibc
import JSON
import Machine
import QemuMonitor
import Runtime
import TestSupport
import Testing

@Suite("Devices of a machine")
struct DeviceTests {
    /// Taps in a namespace of their own, made on a thread that is in it and ends with it.
    private func taps(_ names: [String], in namespace: TestNamespace) async throws -> [CInt] {
        let thread = BlockingExecutor(label: "taps")
        let network = namespace.network
        let taps = try await thread.run {
            try SystemError.check(cl_setns(network, CInt(CL_NEWNET)), "setns")
            return try names.map {
                try SystemError.check(cl_tap_open($0, CInt(CL_TAP_VNET_HDR)), "open the tap \($0)")
            }
        }
        await thread.shutdown()
        return taps
    }

    private func addDisks(_ test: inout TestMachine) throws {
        let qcow2 = test.root + "/a,b.qcow2"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/qemu-img")
        process.arguments = ["create", "-q", "-f", "qcow2", qcow2, "4M"]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        test.plan.disks += (0..<9).map { _ in MachinePlan.Disk(file: qcow2, format: .qcow2, readOnly: true) }
    }

    @Test("ten disks and nine network cards, each on its port, with their formats and addresses as planned")
    func all() async throws {
        guard try Requirement.need("root", "tun", "qemu-img") else { return }
        let namespace = try await TestNamespace.make()
        let nics = (0..<9).map { MachinePlan.NIC(mac: "42:00:01:00:00:0\($0)", tapName: "v42000100000\($0)") }
        let taps = try await taps(nics.map(\.tapName), in: namespace)
        defer { for tap in taps { cl_close(tap) } }
        try await TestMachine.with(
            .powersOff,
            {
                try addDisks(&$0)
                $0.plan.nics = nics
                $0.plan.cpus = 2
            }
        ) { test in
            let machine = try await test.launcher.launch(test.plan, tapFDs: taps, on: TestLoops.loop)
            let block = try await machine.monitor.execute("query-block").arrayValue ?? []
            #expect(block.count == 10)
            let formats = block.compactMap { $0["inserted"]?["drv"]?.stringValue }
            #expect(formats == ["raw"] + Array(repeating: "qcow2", count: 9))
            #expect(block.compactMap { $0["inserted"]?["ro"]?.boolValue } == [false] + Array(repeating: true, count: 9))
            for (index, nic) in nics.enumerated() {
                let mac = try await machine.monitor.execute(
                    "qom-get", ["path": .string("/machine/peripheral/nic\(index)"), "property": "mac"])
                #expect(mac == .string(nic.mac))
            }
            #expect(try await machine.monitor.execute("query-cpus-fast").arrayValue?.count == 2)
            #expect(try await machine.monitor.execute("query-uuid")["UUID"] == .string(test.plan.uuid))
            // The boot order is the plan's: the first disk is the guest.
            try await machine.resume()
            #expect(await machine.monitor.waitForShutdown()?.guest == true)
            try await machine.quit()
        }
    }
}
