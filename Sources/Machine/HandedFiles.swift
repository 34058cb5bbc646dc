internal import CLinux
internal import Glibc

/// The files of a plan that the user whom QEMU runs as can't open by name: QEMU gets them as descriptors, so that an
/// operator's files need neither be given away nor opened to everybody.
///
/// Disks are passed as they are. A kernel or initrd, which QEMU opens by a name, is passed as a copy in memory, sealed:
/// such a copy can be opened anew by `/proc/self/fd`.
struct HandedFiles: Sendable {
    private(set) var kernel: CInt?
    private(set) var initrd: CInt?
    /// By the disk's place.
    private(set) var disks: [Int: CInt] = [:]

    var all: [CInt] { [kernel, initrd].compactMap { $0 } + disks.values.sorted() }

    /// Opens what has to be passed; closes it again if one can't be opened.
    ///
    /// - Throws: `MachineError` (`fileUnusable`).
    static func open(_ plan: MachinePlan) throws(MachineError) -> HandedFiles {
        var handed = HandedFiles()
        do throws(MachineError) {
            for file in plan.files where try FileCheck.mustBeHanded(file, plan) {
                switch file.role {
                case .kernel: handed.kernel = try copy(file, plan)
                case .initrd: handed.initrd = try copy(file, plan)
                case .disk(let index): handed.disks[index] = try openDisk(file, plan.disks[index], plan)
                case .accelerator: break
                }
            }
            return handed
        } catch {
            for descriptor in handed.all { cl_close(descriptor) }
            throw error
        }
    }

    private static func openAsNode(_ file: MachinePlan.File, _ plan: MachinePlan) throws(MachineError) -> CInt {
        let descriptor = Glibc.open(file.path, (file.writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw FileCheck.explain(file, errno, plan, asNode: true) }
        return descriptor
    }

    private static func copy(_ file: MachinePlan.File, _ plan: MachinePlan) throws(MachineError) -> CInt {
        let descriptor = try openAsNode(file, plan)
        defer { cl_close(descriptor) }
        let copy = cl_memory_copy(file.what, descriptor)
        guard copy >= 0 else { throw FileCheck.explain(file, -copy, plan, asNode: true) }
        return copy
    }

    private static func openDisk(
        _ file: MachinePlan.File, _ disk: MachinePlan.Disk, _ plan: MachinePlan
    ) throws(MachineError) -> CInt {
        let descriptor = try openAsNode(file, plan)
        guard disk.format == .qcow2 else { return descriptor }
        let header = QCOW2Header(of: descriptor)
        if !header.isQCOW2 {
            cl_close(descriptor)
            throw MachineError(
                .fileUnusable, "the disk \(file.path) is no qcow2 image",
                fix: "state the format it has: format=raw, or see it by qemu-img info \(file.path)")
        }
        if header.hasBackingFile {
            cl_close(descriptor)
            throw MachineError(
                .fileUnusable,
                "the disk \(file.path) has a backing file, which user \(plan.uid ?? 0), whom QEMU runs as, would have to "
                    + "open by name",
                fix: "flatten it: qemu-img convert -O qcow2 \(file.path) NEW, or chown both files to \(plan.uid ?? 0)")
        }
        return descriptor
    }
}
