import Foundation
import JSON
import Model
import Testing

@Suite("SSH public keys")
struct SSHPublicKeyTests {
    private func defect(_ text: String) -> SSHPublicKey.Defect? {
        do throws(SSHPublicKey.Defect) {
            _ = try SSHPublicKey(text)
            return nil
        } catch {
            return error
        }
    }

    /// A blob of length-prefixed strings, in base64.
    private func blob(_ parts: [[UInt8]]) -> String {
        Data(
            parts.flatMap { part in
                [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: part.count >> $0) } + part
            }
        ).base64EncodedString()
    }

    private func rsa(bits: Int) -> String {
        var modulus = [UInt8](repeating: 0xff, count: (bits + 7) / 8)
        modulus[0] = UInt8(truncatingIfNeeded: 0xff >> ((8 - bits % 8) % 8))
        return "ssh-rsa " + blob([Array("ssh-rsa".utf8), [1, 0, 1], [0] + modulus])
    }

    private func line(_ type: String, _ parts: [[UInt8]]) -> String { "\(type) \(blob([Array(type.utf8)] + parts)) c" }

    @Test("the types that sshd takes are taken")
    func types() throws {
        let point = { (size: Int) in [4] + [UInt8](repeating: 1, count: size - 1) }
        let lines = [
            line("ssh-ed25519", [[UInt8](repeating: 1, count: 32)]), rsa(bits: 2048), rsa(bits: 1024),
            line("ecdsa-sha2-nistp256", [Array("nistp256".utf8), point(65)]),
            line("ecdsa-sha2-nistp384", [Array("nistp384".utf8), point(97)]),
            line("ecdsa-sha2-nistp521", [Array("nistp521".utf8), point(133)]),
            line("sk-ssh-ed25519@openssh.com", [[UInt8](repeating: 1, count: 32), Array("ssh:".utf8)]),
            line("sk-ecdsa-sha2-nistp256@openssh.com", [Array("nistp256".utf8), point(65), Array("ssh:".utf8)]),
        ]
        for line in lines { #expect(defect(line) == nil, "\(line)") }
    }

    @Test("spaces and line feeds around a line do no harm, the comment is kept")
    func whitespace() throws {
        let key = try SSHPublicKey("  " + SpecTests.key + " at work \r\n")
        #expect(key.type == "ssh-ed25519")
        #expect(key.comment == "user@host at work")
        #expect(key.text == SpecTests.key + " at work")
        #expect(try SSHPublicKey(SpecTests.key.replacingOccurrences(of: " user@host", with: "")).comment == "")
    }

    @Test("each mistake has its own code")
    func mistakes() {
        let key = SpecTests.key
        let blob = String(key.split(separator: " ")[1])
        let cases: [(String, String)] = [
            ("", "ssh-key"), ("  \n", "ssh-key"), ("ssh-ed25519", "ssh-key"), ("hello world", "ssh-key-type"),
            ("ssh-dss \(blob)", "ssh-key-type"), ("ssh-ed25519-cert-v01@openssh.com \(blob)", "ssh-key-type"),
            ("command=\"x\" \(key)", "ssh-key-options"), ("restrict \(key)", "ssh-key-options"),
            ("\(key)\n\(key)", "ssh-key-lines"), ("\(key)\u{7}", "ssh-key"),
            ("ssh-ed25519 \(blob.dropLast())", "ssh-key-base64"),
            ("ssh-ed25519 \(blob.dropLast(4))", "ssh-key-truncated"), ("ssh-ed25519 !!!!", "ssh-key-base64"),
            ("ssh-rsa \(blob)", "ssh-key-mismatch"), ("ssh-ed25519 AAAA\(blob)", "ssh-key-mismatch"),
            ("ssh-ed25519 \(blob)AAAA", "ssh-key-trailing"), (rsa(bits: 1023), "ssh-key-weak"),
            (rsa(bits: 16_385), "ssh-key-large"),
            ("---- BEGIN SSH2 PUBLIC KEY ----", "ssh-key-type"), ("-----BEGIN PUBLIC KEY-----\nx", "ssh-key-format"),
            (key + String(repeating: "x", count: 20_000), "ssh-key"),
        ]
        for (text, code) in cases { #expect(defect(text)?.code == code, "\(text.prefix(60))") }
    }

    @Test("a private key is named as such and never repeated")
    func privateKey() {
        let text = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE\n-----END OPENSSH PRIVATE KEY-----"
        let defect = defect(text)
        #expect(defect?.code == "ssh-key-private")
        #expect(defect.map { "\($0.message) \($0.fix)".contains("b3Blb") } == false)
    }

    @Test(
        "what ssh-keygen writes is taken",
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: "/usr/bin/ssh-keygen"), "ssh-keygen is not installed"),
        arguments: ["ed25519", "rsa", "ecdsa"])
    func keygen(type: String) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/ssh-keygen")
        process.arguments = ["-q", "-t", type, "-N", "", "-C", "a comment", "-f", directory.path + "/key"]
        try process.run()
        process.waitUntilExit()
        let text = try String(contentsOf: directory.appending(path: "key.pub"), encoding: .utf8)
        #expect(try SSHPublicKey(text).text + "\n" == text)
    }

    @Test("a stored key is parsed from {\"publicKey\": ...}")
    func keyRecord() throws {
        #expect(try KeyRecord.parse(["publicKey": .string(SpecTests.key)]).text == SpecTests.key)
        #expect(throws: ProblemError.self) { try KeyRecord.parse([:]) }
        #expect(throws: ProblemError.self) { try KeyRecord.parse(["publicKey": "x"]) }
        #expect(throws: ProblemError.self) { try KeyRecord.parse(["publickey": .string(SpecTests.key)]) }
    }
}
