// swift-tools-version: 6.2
import PackageDescription

// What the benchmarks are made of in C: the peer, the load, the counter of allocations. What measures the package's own
// code is a target of the main package (metadata-bench), which the runner starts beside these.

let settings: [CSetting] = [.define("_GNU_SOURCE"), .unsafeFlags(["-Wall", "-Wextra", "-Werror"])]
// The package manager links C by the Swift compiler. Statically and without its start files nothing of Swift gets in.
let plain = LinkerSetting.unsafeFlags(["-nostartfiles", "-static-stdlib"])

let package = Package(
    name: "benchmarks",
    products: [
        .executable(name: "c-server", targets: ["c-server"]),
        .executable(name: "load", targets: ["load"]),
        .executable(name: "pingpong", targets: ["pingpong"]),
        .library(name: "allocations", type: .dynamic, targets: ["allocations"]),
    ],
    targets: [
        .executableTarget(
            name: "c-server", path: "peers", cSettings: settings, linkerSettings: [plain, .linkedLibrary("uv")]),
        .executableTarget(name: "load", path: "load", cSettings: settings, linkerSettings: [plain]),
        .executableTarget(
            name: "pingpong", path: "pingpong", cSettings: settings, linkerSettings: [plain, .linkedLibrary("pthread")]),
        .target(
            name: "allocations", path: "counts", exclude: ["counts.py", "limits.json"], publicHeadersPath: ".",
            cSettings: settings, linkerSettings: [plain, .linkedLibrary("dl")]),
    ],
    cLanguageStandard: .c11
)
