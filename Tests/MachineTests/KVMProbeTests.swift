import Foundation
import Glibc
import JSON
import Machine
import Runtime
import TestSupport
import Testing

@Suite("Probing KVM")
struct KVMProbeTests {
    @Test("the probe's guest runs: under TCG its sign arrives")
    func guestRuns() async {
        let probe = await ProbeGuest.run(
            qemu: TestMachine.qemu, accelerator: .tcg, on: TestLoops.loop, within: .seconds(20))
        #expect(probe.reason == .works, "\(probe.message)")
    }

    @Test("a QEMU that never gives the sign is ended at the deadline")
    func hung() async throws {
        let script = FileManager.default.temporaryDirectory.path + "/hang-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: script) }
        try writeProgram("#!/bin/sh\nexec sleep 60\n", to: script)
        let probe = await ProbeGuest.run(
            qemu: script, accelerator: .tcg, on: TestLoops.loop, within: .milliseconds(100))
        #expect(probe.reason == .guestHung)
    }

    @Test("a QEMU that ends without the sign did not run the guest")
    func refused() async {
        let probe = await ProbeGuest.run(qemu: "/bin/true", accelerator: .tcg, on: TestLoops.loop, within: .seconds(5))
        #expect(probe.reason == .guestFailed)
    }

    @Test("the CPU's flags are read from the line of flags alone, as whole words")
    func flags() {
        #expect(ProbeGuest.hasVirtualization(cpuinfo: "processor\t: 0\nflags\t\t: fpu vmx sse\n"))
        #expect(ProbeGuest.hasVirtualization(cpuinfo: "flags\t\t: fpu svm\n"))
        #expect(!ProbeGuest.hasVirtualization(cpuinfo: "flags\t\t: fpu vmxnet svm_lock\n"))
        #expect(!ProbeGuest.hasVirtualization(cpuinfo: "vmx flags\t: vnmi svm\nflags\t\t: fpu\n"))
        #expect(!ProbeGuest.hasVirtualization(cpuinfo: ""))
    }

    @Test("a machine with a user of its own gets the group of a device that is closed to others")
    func group() throws {
        let device = try TemporaryDirectory("kvm")
        var plan = TestMachine.plan(name: "web", root: "/tmp")
        plan.accelerator = .kvm
        plan.uid = 12345
        plan.gid = 12345
        func group(_ mode: mode_t, _ plan: MachinePlan) -> UInt32? {
            chmod(device.path, mode)
            return DeviceGroup.adapted(plan, device: device.path).gid
        }
        #expect(group(0o660, plan) == getegid())
        #expect(group(0o666, plan) == 12345)
        #expect(group(0o600, plan) == 12345)
        plan.accelerator = .tcg
        #expect(group(0o660, plan) == 12345)
        plan.accelerator = .kvm
        plan.uid = nil
        #expect(group(0o660, plan) == 12345)
        chmod(device.path, 0o700)
    }

    @Test("the whole probe answers with its reason, and what mends it unless it works")
    func whole() async {
        let probe = await probeKVM(qemu: TestMachine.qemu, on: TestLoops.loop)
        #expect(probe.isUsable == (probe.reason == .works))
        #expect(!probe.message.isEmpty)
        if probe.reason != .works && probe.reason != .guestFailed { #expect(probe.fix != nil) }
    }
}
