internal import CLinux
package import Runtime

extension FileDescriptor {
    /// A copy of somebody's descriptor.
    ///
    /// - Throws: `SystemError`.
    package static func copy(of descriptor: Int32) throws(SystemError) -> FileDescriptor {
        let copy = cl_dup(descriptor)
        guard copy >= 0 else { throw SystemError(errno: -copy, operation: "dup") }
        return FileDescriptor(owning: copy)
    }
}
