import Testing
import uncloud_node

@Suite("Global flags before and after the command")
struct GlobalFlagOrderTests {
    static let tree = GlobalFlagOrder.Tree([
        "vm": .init(["list": .init([:]), "set": .init([:])]), "status": .init([:]),
    ])

    static let cases: [([String], [String])] = [
        (["vm", "list", "-o", "json"], ["vm", "list", "-o", "json"]),
        (["-o", "json", "vm", "list"], ["vm", "list", "-o", "json"]),
        (["vm", "-o", "json", "list"], ["vm", "list", "-o", "json"]),
        (["--output=json", "-y", "vm", "list", "-l", "a=b"], ["vm", "list", "--output=json", "-y", "-l", "a=b"]),
        (["-ojson", "status"], ["status", "-ojson"]),
        (["--owner", "vm", "vm", "list"], ["vm", "list", "--owner", "vm"]),
        (
            ["--directory", "/d", "vm", "set", "web1", "--ssh-key", "-o"],
            ["vm", "set", "--directory", "/d", "web1", "--ssh-key", "-o"]
        ),
        (["vm", "list", "-la=b"], ["vm", "list", "-l", "a=b"]),
        (["-la=b", "vm", "list"], ["vm", "list", "-l", "a=b"]),
        (["vm", "list", "--", "-la=b"], ["vm", "list", "--", "-la=b"]),
        (["--help"], ["--help"]),
        (["--version"], ["--version"]),
        (["--unknown", "vm", "list"], ["--unknown", "vm", "list"]),
        (["-o"], ["-o"]), (["--directory", "/d", "vm", "explode"], ["vm", "explode"]),
        (["-o", "json", "vm", "--help"], ["vm", "--help"]),
        ([], []),
    ]

    @Test("the flags move behind the command's words, and nothing else moves", arguments: cases)
    func order(given: [String], expected: [String]) {
        #expect(GlobalFlagOrder.normalized(given, tree: Self.tree) == expected)
    }
}
