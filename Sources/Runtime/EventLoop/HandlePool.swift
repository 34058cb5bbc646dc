internal import CLibuv

/// Memory for stream handles, kept for the next connection: a fresh connection allocates none.
@safe
final class HandlePool {
    private static let size = unsafe max(MemoryLayout<uv_tcp_t>.size, MemoryLayout<uv_pipe_t>.size)
    private static let keep = 4096

    // SAFETY: a list through the first word of each free block; only the loop's thread uses it.
    private var free: UnsafeMutableRawPointer?
    private var count = 0

    /// Uninitialised memory for a uv_tcp_t or uv_pipe_t.
    func take() -> UnsafeMutableRawPointer {
        guard let block = unsafe free else { return .allocate(byteCount: Self.size, alignment: 16) }
        unsafe free = block.load(as: UnsafeMutableRawPointer?.self)
        count -= 1
        return unsafe block
    }

    /// Gives memory back once its handle's close callback has been.
    func give(_ block: UnsafeMutableRawPointer) {
        if count >= Self.keep {
            unsafe block.deallocate()
            return
        }
        unsafe block.storeBytes(of: free, as: UnsafeMutableRawPointer?.self)
        unsafe free = block
        count += 1
    }

    func freeAll() {
        count = 0
        while let block = unsafe free {
            unsafe free = block.load(as: UnsafeMutableRawPointer?.self)
            unsafe block.deallocate()
        }
    }
}
