import JSON
import Machine
import QemuMonitor
import Testing

/// QEMU's command line, word for word. Change a transcript only when you understand what changed it: stored machines are
/// started again from equal plans.
@Suite("QEMU's command line")
struct ArgvTests {
    private let plan = MachinePlan(
        uuid: "6f1c2a3e-0000-4000-8000-000000000001", name: "default/web1", cpus: 2, memoryBytes: 512 << 20,
        accelerator: .tcg, directory: MachineDirectory("/run/uncloud-node/vms/6f1c2a3e"), qemuBinary: "qemu",
        qemuVersion: QemuVersion(major: 7, minor: 2, micro: 22), machineType: "pc-q35-7.2")

    private func rendered(_ plan: MachinePlan) -> String {
        // An option and its value on a line.
        Argv.render(plan, .standard(taps: plan.nics.count)).reduce(into: "") { text, word in
            text += (word.hasPrefix("-") ? "\n" : " ") + word
        }.dropFirst() + "\n"
    }

    @Test("a machine with a kernel, a tap and two disks, one of them qcow2 and read-only")
    func whole() {
        var plan = plan
        plan.kernel = "/boot/vmlinuz"
        plan.initrd = "/boot/initrd,1"
        plan.append = "console=ttyS0 quiet a=b,c"
        plan.nics = [MachinePlan.NIC(mac: "42:00:01:00:00:01", tapName: "v420001000001")]
        plan.disks = [
            MachinePlan.Disk(file: "/var/images/a,b.raw", format: .raw),
            MachinePlan.Disk(file: "/var/images/base.qcow2", format: .qcow2, readOnly: true),
        ]
        #expect(
            rendered(plan) == """
                -name guest=default/web1
                -uuid 6f1c2a3e-0000-4000-8000-000000000001
                -smbios type=1,manufacturer=uncloud,product=uncloud,serial=ds=nocloud-net;s=http://metadata/,\
                uuid=6f1c2a3e-0000-4000-8000-000000000001
                -no-user-config
                -nodefaults
                -machine pc-q35-7.2,accel=tcg,usb=off,vmport=off,smbus=off,sata=off,hpet=off,dump-guest-core=off
                -cpu max,cx16=off
                -smp cpus=2
                -m size=512M
                -rtc base=utc,driftfix=slew
                -global ICH9-LPC.disable_s3=1
                -global ICH9-LPC.disable_s4=1
                -display none
                -S
                -no-shutdown
                -msg timestamp=on
                -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
                -chardev socket,id=monitor,fd=3,server=on,wait=off
                -mon chardev=monitor,mode=control
                -chardev socket,id=console,fd=4,server=on,wait=off
                -device isa-serial,chardev=console,id=serial0
                -boot strict=on
                -kernel /boot/vmlinuz
                -initrd /boot/initrd,1
                -append console=ttyS0 quiet a=b,c
                -object rng-random,id=entropy,filename=/dev/urandom
                -device virtio-rng-pci,rng=entropy,id=rng0,bus=pcie.0,addr=0x2
                -device pvpanic-pci,id=panic0,bus=pcie.0,addr=0x3
                -device vmcoreinfo
                -object iothread,id=disks
                -blockdev driver=file,node-name=file0,filename=/var/images/a,,b.raw,aio=threads,read-only=off,discard=unmap
                -blockdev driver=raw,node-name=disk0,file=file0,read-only=off,discard=unmap
                -device pcie-root-port,id=disk-port0,bus=pcie.0,chassis=32,addr=0x4.0x0,multifunction=on
                -device virtio-blk-pci,id=vd0,bus=disk-port0,drive=disk0,iothread=disks,bootindex=1
                -blockdev driver=file,node-name=file1,filename=/var/images/base.qcow2,aio=threads,read-only=on,discard=unmap
                -blockdev driver=qcow2,node-name=disk1,file=file1,read-only=on,discard=unmap
                -device pcie-root-port,id=disk-port1,bus=pcie.0,chassis=33,addr=0x4.0x1
                -device virtio-blk-pci,id=vd1,bus=disk-port1,drive=disk1,iothread=disks,bootindex=2
                -netdev tap,id=net0,fd=6,vhost=off
                -device pcie-root-port,id=nic-port0,bus=pcie.0,chassis=64,addr=0x8.0x0,multifunction=on
                -device virtio-net-pci,id=nic0,bus=nic-port0,netdev=net0,mac=42:00:01:00:00:01,romfile=

                """)
    }

    @Test("the CPU model follows accelerator and version")
    func cpu() {
        func model(_ change: (inout MachinePlan) -> Void) -> String? {
            var changed = plan
            change(&changed)
            return rendered(changed).split(separator: "\n").first { $0.hasPrefix("-cpu") }.map(String.init)
        }
        #expect(model { _ in } == "-cpu max,cx16=off")
        #expect(model { $0.qemuVersion = QemuVersion(major: 8, minor: 0) } == "-cpu max")
        #expect(model { $0.accelerator = .kvm } == "-cpu host")
    }

    @Test("a direct kernel without a command line gets a console, and a disk boot has none of it")
    func append() {
        var direct = plan
        direct.kernel = "/boot/vmlinuz"
        #expect(rendered(direct).contains("\n-append console=ttyS0\n"))
        #expect(!rendered(plan).contains("-append"))
        #expect(!rendered(plan).contains("-kernel"))
    }

    @Test("commas in values of option lists are doubled, so that a name can add no option")
    func commas() {
        var odd = plan
        odd.name = "a,debug-threads=on"
        odd.serial = "x,uuid=0"
        let text = rendered(odd)
        #expect(text.contains("-name guest=a,,debug-threads=on\n"))
        #expect(text.contains("serial=x,,uuid=0,uuid=6f1c"))
    }

    @Test("the ninth device of a kind begins a new slot")
    func slots() {
        var many = plan
        many.nics = (0..<9).map { MachinePlan.NIC(mac: "42:00:00:00:00:0\($0)", tapName: "t\($0)") }
        let text = rendered(many)
        #expect(text.contains("id=nic-port7,bus=pcie.0,chassis=71,addr=0x8.0x7\n"))
        #expect(text.contains("id=nic-port8,bus=pcie.0,chassis=72,addr=0x9.0x0,multifunction=on\n"))
        #expect(text.contains("tap,id=net8,fd=14,vhost=off"))
    }

    @Test("a plan that was stored is the same when it is read again")
    func codable() throws {
        var stored = plan
        stored.disks = [MachinePlan.Disk(file: "/x", format: .qcow2, readOnly: true)]
        stored.nics = [MachinePlan.NIC(mac: "42:00:01:00:00:01", tapName: "v420001000001")]
        stored.uid = 10001
        #expect(try decode(MachinePlan.self, from: encode(stored)) == stored)
    }
}
