import COpenSSL
import Runtime
import TestSupport
import Testing

/// A client of TLS 1.2 that believes everything and asks to renegotiate: what our own client can't do.
// SAFETY: `ssl`, `input` and `output` are used by the one test that has this object, one call after the other; `ssl` owns the
// BIOs and is freed in deinit.
final class Renegotiator: @unchecked Sendable {
    private let connection: Connection
    private let context: OpaquePointer
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer

    init(_ connection: Connection) throws {
        self.connection = connection
        context = try #require(SSL_CTX_new(TLS_client_method()))
        _ = cossl_set_max_version(context, TLS1_2_VERSION)
        ssl = try #require(SSL_new(context))
        input = try #require(BIO_new(BIO_s_mem()))
        output = try #require(BIO_new(BIO_s_mem()))
        SSL_set_bio(ssl, input, output)
        SSL_set_connect_state(ssl)
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    func shakeHands() async throws {
        while SSL_do_handshake(ssl) != 1 {
            try await flush()
            let bytes = try #require(try await connection.read())
            _ = BIO_write(input, bytes, Int32(bytes.count))
        }
        try await flush()
    }

    /// Sends the first message of another handshake, and reads no answer.
    func renegotiate() async throws {
        #expect(SSL_renegotiate(ssl) == 1)
        _ = SSL_do_handshake(ssl)
        try await flush()
    }

    private func flush() async throws {
        var start: UnsafeMutablePointer<CChar>?
        let count = cossl_mem_data(output, &start)
        guard let start, count > 0 else { return }
        let bytes = UnsafeRawBufferPointer(start: start, count: count).map { $0 }
        BIO_ctrl(output, BIO_CTRL_RESET, 0, nil)
        try await connection.write(bytes)
    }
}
