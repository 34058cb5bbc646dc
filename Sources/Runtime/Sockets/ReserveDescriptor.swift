internal import CLinux
internal import Glibc

/// A descriptor kept for the moment in which the process has no other. On one loop's thread only.
struct ReserveDescriptor {
    private var descriptor: CInt = -1

    /// Opens it, if it is not open and that can be done.
    mutating func fill() {
        // SAFETY: a constant path.
        if descriptor < 0 { descriptor = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC) }
    }

    /// Gives its place to whatever is opened next; false if there was none.
    mutating func spend() -> Bool {
        if descriptor < 0 { return false }
        close()
        return true
    }

    mutating func close() {
        if descriptor >= 0 { cl_close(descriptor) }
        descriptor = -1
    }
}
