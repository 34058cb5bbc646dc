internal import COpenSSL

/// The authorities that a peer's certificate must lead to.
public struct TrustRoots: Sendable, Hashable {
    /// Whether the system's own authorities count (in Debian the package ca-certificates).
    public var includesSystem: Bool
    /// Further ones; a self-signed certificate of a server may stand here itself.
    public var certificates: [Certificate]

    /// Authorities of one's own, with the system's or without.
    public init(_ certificates: [Certificate], includesSystem: Bool = false) {
        self.certificates = certificates
        self.includesSystem = includesSystem
    }

    /// The system's authorities.
    public static var system: TrustRoots { TrustRoots([], includesSystem: true) }

    /// The certificates of a PEM text, alone.
    ///
    /// - Parameter pem: the text.
    /// - Throws: `TLSError` (`badConfiguration`).
    public init(pem: String) throws(TLSError) { self.init(try Certificate.list(pem: pem)) }

    /// The certificates of a PEM file, alone. Reads a file: not on a loop.
    ///
    /// - Parameter file: its path.
    /// - Throws: `TLSError` (`badConfiguration`) that names the file.
    public init(file: String) throws(TLSError) {
        let text = try PEM.file(file)
        do throws(TLSError) {
            try self.init(pem: text)
        } catch {
            throw TLSError(.badConfiguration, "\(file): \(error.message)")
        }
    }
}
