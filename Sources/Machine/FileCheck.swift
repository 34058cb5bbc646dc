internal import CLinux
internal import Glibc

/// Whether QEMU's user can open the files of a plan, asked of the kernel before QEMU is started: QEMU's own words for
/// it name neither the user nor the way out.
enum FileCheck {
    /// Opens the file as QEMU would.
    ///
    /// - Returns: whether QEMU's own user may not open it, but the node may.
    /// - Throws: `MachineError` with the code `fileUnusable` for a file that nobody can open, or that can't be passed.
    static func mustBeHanded(_ file: MachinePlan.File, _ plan: MachinePlan) throws(MachineError) -> Bool {
        let result = cl_check_open(file.path, file.writable ? 1 : 0, ids(plan.uid), ids(plan.gid))
        guard result < 0 else { return false }
        let isForbidden = result == -EACCES || result == -EPERM
        if isForbidden, plan.uid != nil, file.role != .accelerator { return true }
        throw explain(file, -result, plan, asNode: false)
    }

    /// What is wrong with a file that the node's user (or QEMU's) can't open.
    static func explain(_ file: MachinePlan.File, _ error: CInt, _ plan: MachinePlan, asNode: Bool) -> MachineError {
        let subject = "the \(file.what) \(file.path)"
        let who = plan.uid == nil || asNode ? "" : " as user \(user(plan))"
        let failure = "\(subject) can't be opened for \(file.writable ? "writing" : "reading")\(who)"
        let message = "\(failure): \(Preparation.text(error))"
        guard error == EACCES || error == EPERM else {
            return MachineError(.fileUnusable, message, fix: error == ENOENT ? "check the path" : nil)
        }
        if !asNode, let closed = firstClosed(parent(file.path), plan) {
            return MachineError(
                .fileUnusable, "\(failure): the directory \(closed) is closed to it", fix: "chmod o+x \(closed)")
        }
        if file.role == .accelerator {
            return MachineError(.fileUnusable, message, fix: "let QEMU run in the group kvm, or use accelerator tcg")
        }
        return MachineError(
            .fileUnusable, message,
            fix: "give the node's user the right to \(file.writable ? "write" : "read") it")
    }

    /// The outermost directory on the way that the user may not search.
    private static func firstClosed(_ directory: String, _ plan: MachinePlan) -> String? {
        var path = ""
        for part in directory.split(separator: "/") {
            path += "/" + part
            let result = cl_check_search(path, ids(plan.uid), ids(plan.gid))
            if result == -EACCES || result == -EPERM { return path }
        }
        return nil
    }

    private static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    private static func user(_ plan: MachinePlan) -> String { plan.uid.map(String.init) ?? "of the node" }

    private static func ids(_ id: UInt32?) -> Int64 { id.map(Int64.init) ?? -1 }
}
