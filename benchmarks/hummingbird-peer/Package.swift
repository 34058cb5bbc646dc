// swift-tools-version: 6.2
import PackageDescription

// A peer of `make bench`: Hummingbird 2 answering as many bytes. A package of its own, since it brings swift-nio with it.

let package = Package(
    name: "hummingbird-peer",
    platforms: [.macOS(.v14)],
    dependencies: [.package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.0.0")],
    targets: [
        .executableTarget(
            name: "hummingbird-server", dependencies: [.product(name: "Hummingbird", package: "hummingbird")])
    ]
)
