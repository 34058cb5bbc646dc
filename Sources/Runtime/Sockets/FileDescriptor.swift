internal import CLinux

/// An open file that belongs to somebody: closed when nobody holds this object any more, or by `close`.
public final class FileDescriptor: Sendable {
    private let held: Locked<CInt>

    /// Takes over an open descriptor.
    public init(owning descriptor: CInt) { held = Locked(descriptor) }

    deinit { close() }

    /// The number, or -1 once closed or released. It stays good only while this object is held.
    public var number: CInt { held.withLock { $0 } }

    /// Gives the descriptor away: whoever gets the number has to close it.
    public func release() -> CInt {
        held.withLock { held in
            let number = held
            held = -1
            return number
        }
    }

    /// Closes now. Any number of times.
    public func close() {
        let number = release()
        if number >= 0 { cl_close(number) }
    }

    /// A copy with a life of its own.
    public func duplicate() throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try SystemError.check(cl_dup(number), "dup"))
    }
}
