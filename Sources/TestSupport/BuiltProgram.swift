internal import Foundation

/// The path of an executable of this package, such as `example-echo`: the build puts them all beside the tests' own.
public func builtProgram(_ name: String) -> String {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: tests).deletingLastPathComponent().path + "/" + name
}
