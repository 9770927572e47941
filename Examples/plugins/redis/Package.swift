// swift-tools-version: 6.3
import PackageDescription

/// The folder of the plugin ABI's headers, with its module map. A project outside of this repository has a copy.
let abi = Context.environment["DANDELION_ABI"] ?? "\(Context.packageDirectory)/../../../Sources/PluginABI/include"

let package = Package(
    name: "dandelion-redis",
    products: [.library(name: "DandelionRedis", type: .dynamic, targets: ["RedisPlugin"])],
    targets: [
        .systemLibrary(name: "CLinux", path: "CLinux"),
        .target(
            name: "RedisPlugin", dependencies: ["CLinux"],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error), .unsafeFlags(["-I", abi])],
            linkerSettings: [.unsafeFlags(["-Xlinker", "--version-script=\(Context.packageDirectory)/exports.map"])]),
    ]
)
