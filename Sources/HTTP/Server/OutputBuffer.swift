internal import Glibc

/// Bytes that are collected and then written at once: an array without the reference counts and uniqueness checks, which
/// are a tenth of what a small request costs.
// SAFETY: used on the loop's thread alone. The memory is this object's from init to deinit, `capacity` bytes long, of which
// the first `count` are initialised.
final class OutputBuffer {
    private static let usual = 64 * 1024
    /// Beyond this, memory that a large answer took is given back.
    private static let kept = 1024 * 1024

    private var memory = UnsafeMutablePointer<UInt8>.allocate(capacity: OutputBuffer.usual)
    private var capacity = OutputBuffer.usual
    /// How many bytes there are.
    private(set) var count = 0

    deinit { memory.deallocate() }

    var isEmpty: Bool { count == 0 }

    /// The bytes, until the next change.
    var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: memory, count: count) }

    @inline(__always)
    func append(_ array: [UInt8]) { array.withUnsafeBufferPointer { append($0) } }

    @inline(__always)
    func append(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    func append(_ more: UnsafeBufferPointer<UInt8>) {
        guard let source = more.baseAddress else { return }
        if capacity - count < more.count { grow(for: more.count) }
        memcpy(memory + count, source, more.count)
        count += more.count
    }

    func removeAll() {
        count = 0
        if capacity > Self.kept { replaceMemory(capacity: Self.usual) }
    }

    @inline(never)
    private func grow(for more: Int) { replaceMemory(capacity: max(capacity * 2, count + more)) }

    private func replaceMemory(capacity: Int) {
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: memory, count: count)
        memory.deallocate()
        memory = larger
        self.capacity = capacity
    }
}
