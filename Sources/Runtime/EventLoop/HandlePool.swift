internal import CLibuv

/// Memory for stream handles, kept for the next connection: a fresh connection allocates none.
@safe
final class HandlePool {
    private static let keep = 4096

    /// Bytes of each: a server has thousands of them, so that TCP's have a pool of their own size.
    private let size: Int

    // SAFETY: a list through the first word of each free block; only the loop's thread uses it.
    private var free: UnsafeMutableRawPointer?
    private var count = 0

    init(size: Int) { self.size = size }

    /// Uninitialised memory.
    func take() -> UnsafeMutableRawPointer {
        guard let block = unsafe free else { return .allocate(byteCount: size, alignment: 16) }
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
