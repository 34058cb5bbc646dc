internal import Foundation
internal import Machine
internal import Model

/// Looks whether the files that a specification names are there and can be used, before anything is promised.
enum MachineFiles {
    /// - Throws: `ProblemError` 422 that names each file that is missing, no file, not readable or writable, or not of the
    ///   format that is stated.
    static func check(_ spec: VMSpec) throws {
        var errors: [FieldError] = []
        check(spec.kernel, "/spec/kernel", "kernel", &errors)
        check(spec.initrd, "/spec/initrd", "initrd", &errors)
        for (index, disk) in spec.disks.enumerated() {
            let before = errors.count
            check(disk.file, "/spec/disks/\(index)/file", "disk", &errors)
            if errors.count == before { check(disk, "/spec/disks/\(index)", &errors) }
        }
        guard errors.isEmpty else { throw ProblemError.invalid(errors, code: "vm.invalid") }
    }

    /// A disk that can be read: whether it can be used as it is said to be.
    private static func check(_ disk: DiskSpec, _ pointer: String, _ errors: inout [FieldError]) {
        if disk.readOnly != true, access(disk.file, W_OK) != 0 {
            errors.append(
                FieldError(
                    pointer: pointer + "/file", code: "unwritable",
                    message: "disk file \"\(disk.file)\" can't be written by the node",
                    fix: "\(permission(disk.file, "rw")), or let the guest only read it: readonly"))
        }
        if disk.format == .qcow2, let header = QCOW2Header(path: disk.file), !header.isQCOW2 {
            errors.append(
                FieldError(
                    pointer: pointer + "/format", code: "format",
                    message: "disk file \"\(disk.file)\" is no qcow2 image",
                    fix: "state the format it has: raw, or see it by qemu-img info \(disk.file)"))
        }
    }

    /// A command that lets the node's user at a file, and nobody else.
    private static func permission(_ path: String, _ access: String) -> String {
        "setfacl -m u:\(NSUserName()):\(access) \(path)"
    }

    private static func check(_ path: String?, _ pointer: String, _ field: String, _ errors: inout [FieldError]) {
        guard let path else { return }
        var info = stat()
        let problem: (code: String, what: String, fix: String)?
        if stat(path, &info) != 0 {
            problem =
                errno == ENOENT
                ? ("not-found", "does not exist", "give the path of an existing file")
                : ("unreadable", String(cString: strerror(errno)), "give a path that the node may read")
        } else if info.st_mode & S_IFMT != S_IFREG, info.st_mode & S_IFMT != S_IFBLK {
            problem = ("type", "is no file", "give the path of a file or block device")
        } else if access(path, R_OK) != 0 {
            problem = ("unreadable", "can't be read by the node", permission(path, "r"))
        } else {
            problem = nil
        }
        guard let problem else { return }
        errors.append(
            FieldError(
                pointer: pointer, code: problem.code, message: "\(field) file \"\(path)\" \(problem.what)",
                fix: problem.fix))
    }
}
