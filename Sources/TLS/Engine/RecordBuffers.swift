internal import COpenSSL

/// The two ends of a connection's wire in memory: what came from the peer and OpenSSL has not taken yet, and what it wants
/// sent. OpenSSL's own memory BIOs would keep their largest size for as long as a connection lives.
// SAFETY: used by one engine, on the thread that uses that; the BIO's data word refers to it unretained, and the engine keeps
// both until it has freed the BIO.
final class RecordBuffers {
    private var input: [UInt8] = []
    private var inputStart = 0
    private var output: [UInt8] = []

    /// Bytes that OpenSSL has not taken.
    var inputCount: Int { input.count - inputStart }

    func receive(_ bytes: Span<UInt8>) { bytes.withUnsafeBufferPointer { input.append(contentsOf: $0) } }

    func takeOutput() -> [UInt8] {
        let taken = output
        output = []
        return taken
    }

    func dropInput() {
        input = []
        inputStart = 0
    }

    /// The BIO that reads and writes these buffers; nil when there is no memory.
    func makeBIO() -> OpaquePointer? {
        guard let method = Self.method.raw, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }

    private static func of(_ bio: OpaquePointer) -> RecordBuffers? {
        BIO_get_data(bio).map { Unmanaged<RecordBuffers>.fromOpaque($0).takeUnretainedValue() }
    }

    // SAFETY: made once, under the lock of static initialisation, then only read.
    private struct Method: @unchecked Sendable { let raw: OpaquePointer? }

    private static let method: Method = {
        guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "records in memory") else {
            return Method(raw: nil)
        }
        BIO_meth_set_read_ex(method) { bio, target, wanted, count in
            guard let bio, let target, let buffers = RecordBuffers.of(bio) else { return 0 }
            cossl_clear_retry(bio)
            let taken = buffers.take(into: UnsafeMutableRawBufferPointer(start: target, count: wanted))
            count?.pointee = taken
            if taken == 0 { cossl_set_retry_read(bio) }
            return taken > 0 ? 1 : 0
        }
        BIO_meth_set_write_ex(method) { bio, source, given, count in
            guard let bio, let source, let buffers = RecordBuffers.of(bio) else { return 0 }
            cossl_clear_retry(bio)
            buffers.output.append(contentsOf: UnsafeRawBufferPointer(start: source, count: given))
            count?.pointee = given
            return 1
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return Method(raw: method)
    }()

    private func take(into target: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(target.count, inputCount)
        guard count > 0 else { return 0 }
        input.withUnsafeBytes {
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[inputStart..<(inputStart + count)]))
        }
        inputStart += count
        if inputStart == input.count { dropInput() }
        return count
    }
}
