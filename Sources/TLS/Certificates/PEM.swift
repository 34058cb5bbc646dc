internal import COpenSSL
internal import Glibc

/// Text in and out of OpenSSL.
// SAFETY: each BIO lives within one call, on the caller's thread; the text outlives the BIO that reads it.
enum PEM {
    /// Lends a source that reads the text.
    static func reading<T>(_ text: String, _ body: (OpaquePointer) throws(TLSError) -> T) throws(TLSError) -> T {
        ERR_clear_error()
        var bytes = Array(text.utf8)
        defer {
            // It may hold a key.
            OPENSSL_cleanse(&bytes, bytes.count)
        }
        guard let bio = BIO_new(BIO_s_mem()) else { throw TLSError(.badConfiguration, "no memory") }
        defer { BIO_free_all(bio) }
        BIO_write(bio, bytes, Int32(clamping: bytes.count))
        return try body(bio)
    }

    /// What the body writes; empty if it fails.
    static func writing(_ body: (OpaquePointer) -> Int32) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free_all(bio) }
        guard body(bio) >= 0 else {
            ERR_clear_error()
            return ""
        }
        var start: UnsafeMutablePointer<CChar>?
        let count = cossl_mem_data(bio, &start)
        guard let start, count > 0 else { return "" }
        return UnsafeRawBufferPointer(start: start, count: count).withMemoryRebound(to: UInt8.self) {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// The text of a file.
    static func file(_ path: String) throws(TLSError) -> String {
        guard let file = fopen(path, "re") else { throw TLSError(.badConfiguration, "\(path): \(reason())") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            bytes += piece[..<count]
            if bytes.count > 16 * 1024 * 1024 { throw TLSError(.badConfiguration, "\(path): larger than 16 MiB") }
            if count < piece.count { break }
        }
        if ferror(file) != 0 { throw TLSError(.badConfiguration, "\(path): \(reason())") }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
