import Glibc
import Runtime
import TestSupport
import Testing

@Suite("the example qmp-guest")
struct ExampleTests {
    private static let files = Files(on: BlockingPool(threads: 1))
    /// The tree this was built from.
    private static let root = #filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/" + $1 }

    @Test("lets a guest of one sector run, and tells that it powered itself off")
    func guest() async throws {
        guard try Requirement.need("qemu-system-x86_64") else { return }
        let folder = try TemporaryDirectory()
        let output = try await bounded {
            try await runProcess(
                ProcessSpec(executable: builtProgram("example-qmp-guest"), arguments: [folder.path]), on: TestLoops.loop
            )
        }
        #expect(output.status == .exited(0))
        let lines = output.text.split(separator: "\n").map(String.init)
        #expect(lines.first?.hasPrefix("QEMU ") == true && lines.last == "QEMU exited with 0")
        #expect(lines.contains("status: prelaunch"))
        #expect(lines.contains("ended by the guest: true, guest-shutdown"))
        #expect(lines.contains { $0.hasPrefix("event: resume") })
    }

    @Test("is what the README shows")
    func readme() async throws {
        func text(_ path: String) async throws -> String {
            String(decoding: try await Self.files.read("\(Self.root)/\(path)"), as: UTF8.self)
        }
        let program = try await text("Examples/qmp-guest/QMPGuest.swift")
        let readme = try await text("Sources/QemuMonitor/README.md")
        #expect(readme.contains("```swift\n" + program + "```\n"))
    }
}
