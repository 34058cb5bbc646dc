// swift-tools-version: 6.2
import Foundation
import PackageDescription

// The modules and what each may import: the table of docs/design/modules.md, which scripts/check-imports holds the
// sources against. Setting UNCLOUD_ONLY to a comma-separated list of modules leaves every other target out, with the
// dependencies only they need: sanitizer and fuzzing builds use it.

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

struct Module {
    enum Kind { case library, executable, system(pkgConfig: String, apt: String), clang }

    var name: String
    var kind: Kind = .library
    var imports: [String] = []
    var products: [String] = []
    var tests: [String]?
    var strictMemorySafety = false
    /// Lets what imports the module compile its generic code anew for types of its own.
    var isSpecialisedByImporters = false
    /// Experimental features the module's own sources need; what imports it needs none of them.
    var features: [String] = []
    /// Files of its folder that are no sources, beside README.md.
    var excludes: [String] = []
}

let packages: [String: (package: Package.Dependency, product: Target.Dependency)] = [
    "Logging": (
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .product(name: "Logging", package: "swift-log")
    ),
    "HTTPTypes": (
        .package(url: "https://github.com/apple/swift-http-types", from: "1.4.0"),
        .product(name: "HTTPTypes", package: "swift-http-types")
    ),
    "ArgumentParser": (
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .product(name: "ArgumentParser", package: "swift-argument-parser")
    ),
    "Yams": (
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .product(name: "Yams", package: "Yams")
    ),
    "SwiftProtobuf": (
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf")
    ),
]

let modules: [Module] = [
    Module(name: "CLibuv", kind: .system(pkgConfig: "libuv", apt: "libuv1-dev")),
    Module(name: "CNftables", kind: .system(pkgConfig: "libnftables", apt: "libnftables-dev")),
    Module(name: "CSQLite", kind: .system(pkgConfig: "sqlite3", apt: "libsqlite3-dev")),
    Module(name: "CNghttp2", kind: .system(pkgConfig: "libnghttp2", apt: "libnghttp2-dev")),
    Module(name: "COpenSSL", kind: .system(pkgConfig: "openssl", apt: "libssl-dev")),
    Module(name: "CLinux", kind: .clang),
    Module(name: "JSON", tests: []),
    Module(
        name: "Runtime", imports: ["CLibuv", "CLinux"], tests: ["TestSupport", "example-echo"],
        strictMemorySafety: true, isSpecialisedByImporters: true),
    Module(name: "TLS", imports: ["Runtime", "COpenSSL"], tests: ["TestSupport", "Runtime", "HTTP"]),
    Module(
        name: "HTTP", imports: ["Runtime"], products: ["HTTPTypes"],
        tests: ["TestSupport", "Runtime", "example-http-hello"], features: ["Lifetimes"]),
    Module(
        name: "QemuMonitor", imports: ["Runtime", "JSON"], products: ["Logging"],
        tests: ["TestSupport", "Runtime", "JSON", "example-qmp-guest"]),
    Module(name: "Model", imports: ["JSON"], tests: ["JSON"]),
    Module(
        name: "Store", imports: ["Model", "Runtime", "TLS", "CSQLite", "CNghttp2"],
        products: ["Logging", "SwiftProtobuf"],
        tests: ["JSON", "Model", "Runtime", "TLS", "TestSupport", "TestKit", "CSQLite", "CLinux", "store-crasher"],
        excludes: ["Etcd/Messages/README.md", "Etcd/Messages/etcd.proto"]),
    Module(name: "store-crasher", kind: .executable, imports: ["Runtime", "Store"]),
    Module(
        name: "Firewall", imports: ["Model", "CNftables"], tests: ["Model", "TestSupport", "CLinux", "Runtime"],
        strictMemorySafety: true),
    Module(
        name: "Network", imports: ["JSON", "Model", "Runtime", "CLinux"], products: ["Logging"],
        tests: ["JSON", "Model", "Runtime", "TestSupport", "CLinux"]),
    Module(
        name: "NetHelper", imports: ["JSON", "Model", "Runtime", "CLinux", "Network", "Firewall"],
        products: ["Logging"],
        tests: ["Model", "Runtime", "Network", "Firewall", "TestSupport", "CLinux", "nethelper-tool"]),
    Module(name: "nethelper-tool", kind: .executable, imports: ["NetHelper"]),
    Module(
        name: "Machine", imports: ["JSON", "Runtime", "QemuMonitor", "CLinux"], products: ["Logging"],
        tests: ["JSON", "Model", "Runtime", "QemuMonitor", "TestSupport", "CLinux", "machine-tool"]),
    Module(name: "machine-tool", kind: .executable, imports: ["Machine"]),
    Module(
        name: "Metadata", imports: ["HTTP", "Runtime", "CLinux"],
        tests: ["Model", "HTTP", "Runtime", "TestSupport"]),
    Module(
        name: "Actors",
        imports: [
            "JSON", "Model", "Runtime", "HTTP", "QemuMonitor", "Store", "Firewall", "Network", "Machine", "Metadata",
            "CLinux",
        ],
        products: ["Logging"],
        tests: [
            "JSON", "Model", "Runtime", "HTTP", "QemuMonitor", "Store", "Firewall", "Network", "Machine", "Metadata",
            "TestSupport", "TestKit",
        ]),
    Module(
        name: "uncloud-node", kind: .executable,
        imports: [
            "JSON", "Model", "Runtime", "HTTP", "Store", "Network", "NetHelper", "Machine", "Actors", "CLinux",
        ],
        products: ["Logging", "ArgumentParser", "Yams", "HTTPTypes"],
        tests: ["JSON", "Model", "Runtime", "HTTP", "Network", "Actors", "TestSupport", "TestKit", "CLinux"]),
    Module(
        name: "metadata-bench", kind: .executable, imports: ["Model", "Runtime", "HTTP", "Metadata", "Firewall"]),
    Module(name: "runtime-bench", kind: .executable, imports: ["Runtime"]),
    Module(name: "TestSupport", imports: ["Runtime", "CLinux"]),
    Module(name: "TestKit", imports: ["Runtime", "Store", "TestSupport", "CSQLite"]),
]

func closure(of names: [String]) -> Set<String> {
    var kept: Set<String> = []
    var open = names
    while let name = open.popLast() {
        guard kept.insert(name).inserted, let module = modules.first(where: { $0.name == name }) else { continue }
        open += module.imports
        if names.contains(name) { open += module.tests ?? [] }
    }
    return kept
}

let only = ProcessInfo.processInfo.environment["UNCLOUD_ONLY"]?.split(separator: ",").map(String.init)
let kept = closure(of: only ?? modules.map(\.name))

// Fuzz targets bring libFuzzer's main: no test and no example is there beside them.
let isFuzzing = ProcessInfo.processInfo.environment["UNCLOUD_FUZZ"] != nil

var targets: [Target] = []
for module in modules where kept.contains(module.name) {
    var settings = swiftSettings
    if module.strictMemorySafety { settings.append(.strictMemorySafety()) }
    if module.isSpecialisedByImporters {
        settings.append(.unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)))
    }
    settings += module.features.map { .enableExperimentalFeature($0) }
    let dependencies =
        module.imports.map { Target.Dependency(stringLiteral: $0) }
        + module.products.compactMap { packages[$0]?.product }
    switch module.kind {
    case .system(let pkgConfig, let apt):
        targets.append(.systemLibrary(name: module.name, pkgConfig: pkgConfig, providers: [.apt([apt])]))
    case .clang:
        targets.append(.target(name: module.name))
    case .executable:
        targets.append(
            .executableTarget(
                name: module.name, dependencies: dependencies, exclude: ["README.md"], swiftSettings: settings))
    case .library:
        targets.append(
            .target(
                name: module.name, dependencies: dependencies, exclude: ["README.md"] + module.excludes,
                swiftSettings: settings))
    }
    if let tests = module.tests, !isFuzzing, only.map({ $0.contains(module.name) }) ?? true {
        let extra = module.products.compactMap { packages[$0]?.product }
        targets.append(
            .testTarget(
                name: module.name + "Tests",
                dependencies: ([module.name] + tests).map { .init(stringLiteral: $0) } + extra,
                swiftSettings: swiftSettings))
    }
}

// Small programs that show a library: their folder in Examples/, and the modules each is for. Their tests run them.
if !isFuzzing {
    let examples = [
        ("echo", ["Runtime"]), ("http-hello", ["HTTP", "Runtime"]), ("qmp-guest", ["JSON", "QemuMonitor", "Runtime"]),
    ]
    for (name, imports) in examples
    where imports.allSatisfy(kept.contains) {
        targets.append(
            .executableTarget(
                name: "example-" + name, dependencies: imports.map { .init(stringLiteral: $0) },
                path: "Examples/" + name, swiftSettings: swiftSettings))
    }
}

// The fuzz targets that scripts/fuzz builds with libFuzzer: their folder in fuzz/, and the module each is for.
if isFuzzing {
    targets.append(.target(name: "FuzzDriver", path: "fuzz/driver", swiftSettings: swiftSettings))
    let fuzzed = [
        ("request", "HTTP"), ("response", "HTTP"), ("chunked", "HTTP"), ("url", "HTTP"), ("qmp", "QemuMonitor"),
        ("tls", "TLS"),
    ]
    for (name, module) in fuzzed {
        targets.append(
            .executableTarget(
                name: "fuzz-" + name, dependencies: ["FuzzDriver", .init(stringLiteral: module)], path: "fuzz/" + name,
                exclude: ["corpus"], swiftSettings: swiftSettings))
    }
}

let usedProducts = Set(modules.filter { kept.contains($0.name) }.flatMap(\.products))
let libraries = ["Runtime", "TLS", "HTTP", "QemuMonitor"].filter(kept.contains)

let package = Package(
    name: "uncloud-node",
    products: libraries.map { .library(name: $0, targets: [$0]) },
    dependencies: usedProducts.sorted().compactMap { packages[$0]?.package },
    targets: targets
)
