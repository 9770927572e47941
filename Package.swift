// swift-tools-version: 6.3
import PackageDescription

// Rooms of the host, lowest first; a room imports only from rooms above it in this list (Docs/architecture.md).
// Plugins import PluginABI, Plugins/Kit and, if they load ELF images, Plugins/Elf; never a room of the host.

/// Coverage-guided fuzzing (Tests/Fuzz/run.sh) needs a sanitizer's runtime, which no other build has.
let isFuzzing = Context.environment["DANDELION_FUZZ"] != nil

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
// What a request passes through. Its overlapping accesses are looked for in debug builds, which all tests run on; in an optimised
// one they would be a tenth of a request's instructions (Benchmarks/footprint).
let hotSettings = swiftSettings + [.unsafeFlags(["-enforce-exclusivity=unchecked", "-cross-module-optimization"], .when(configuration: .release))]
let cSettings: [CSetting] = [
    .unsafeFlags(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-fno-omit-frame-pointer"])
]

// The zygote's code is copied into another process: no tables outside of it, no calls into a library.
let zygoteSettings: [CSetting] = [
    .unsafeFlags(["-fno-jump-tables", "-mgeneral-regs-only", "-fno-builtin", "-fno-stack-protector", "-fno-sanitize=all"])
]

/// A room of the host: a Swift target at Sources/Host/<name>.
func room(
    _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [], resources: [Resource]? = nil
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/Host/\(name)", exclude: exclude, resources: resources,
        swiftSettings: hotSettings)
}

/// The C part of a room or plugin, in a folder of its own because a target has one language.
func shim(_ name: String, path: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: path, cSettings: cSettings)
}

/// A plugin's Swift target at Plugins/<folder>; its product exports the entry symbol and nothing else.
func plugin(_ folder: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(
        name: "\(folder)Plugin", dependencies: ["PluginABI", "PluginKit", "CVersion"] + dependencies, path: "Plugins/\(folder)",
        exclude: exclude, swiftSettings: hotSettings,
        // A fuzzer's program is linked with plugins, and a sanitizer's runtime must stay visible in it.
        linkerSettings: isFuzzing
            ? [] : [.unsafeFlags(["-Xlinker", "--version-script=\(Context.packageDirectory)/Plugins/exports.map"])])
}

func pluginProduct(_ folder: String) -> Product {
    .library(name: "Dandelion\(folder)", type: .dynamic, targets: ["\(folder)Plugin"])
}

/// What `dandelion plugins new` writes: files of Sources/PluginTemplates, where `include` is the ABI's own folder.
let pluginTemplates =
    ["abi", "comm", "compute", "fleet", "guest", "host", "plugin", "status", "translate", "types", "version"].map { "include/\($0).h" }
    + ["plugin.c", "plugin.h", "reactor.c"].map { "comm-c/comm_\($0)" }
    + ["plugin.c", "plugin.h", "image.c", "context.c", "engine.c", "snapshot.c"].map { "compute-c/compute_\($0)" }
    + ["Plugin", "Reactor"].map { "comm-swift/Comm\($0).swift" }
    + ["Plugin", "Image", "Context", "Engine"].map { "compute-swift/Compute\($0).swift" }
    + ["comm-c/comm_c.md", "compute-c/compute_c.md", "comm-swift/comm_swift.md", "compute-swift/compute_swift.md"]
    + ["exits.tiny", "loops.tiny", "faults.tiny", "echo.tiny", "format.md"].map { "guests/\($0)" }
    + ["Package.swift.template", "exports.map", "System.c", "System.h", "abi.c", "module.modulemap"].map { "swift/\($0)" }
    + ["Clock", "Comm", "Compute", "ComputeTable", "Fleet", "Handle", "HostEgress", "HostMemory", "HostServices", "HostSignals", "Plugin", "PluginError"].map { "kit/\($0).swift" }
    + ["ImageContents", "Recycler", "Settings", "SlotPool", "Structs"].map { "kit/\($0).swift" }
    + ["stop.c", "memory.c", "include/CPluginKit.h", "include/dk_memory.h", "include/dk_pagemap.h", "include/dk_slot.h", "include/dk_stop.h"].map { "kit/Shim/\($0)" }
    + ["c/Makefile"]

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests", exclude: exclude,
        swiftSettings: swiftSettings)
}

let package = Package(
    name: "dandelion",
    products: [
        .executable(name: "dandelion", targets: ["dandelion"]),
        pluginProduct("Process"),
        pluginProduct("KVM"),
        pluginProduct("HTTPComm"),
        pluginProduct("RWasm"),
        pluginProduct("CHERI"),
        pluginProduct("NATS"),
        .executable(name: "dandelion-wasm", targets: ["dandelion-wasm"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // The C ABI, the version of everything else, and system libraries.
        shim("PluginABI", path: "Sources/PluginABI"),
        .systemLibrary(name: "CVersion", path: "Sources/Version"),
        .systemLibrary(name: "CElf", path: "Plugins/Elf/CElf", pkgConfig: "libelf", providers: [.apt(["libelf-dev"])]),
        .systemLibrary(
            name: "CCurl", path: "Plugins/HTTPComm/CCurl", pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev", "libssl-dev"])]),
        .systemLibrary(
            name: "CNats", path: "Plugins/NATS/CNats", pkgConfig: "libnats", providers: [.apt(["libnats-dev"])]),
        .systemLibrary(
            name: "CSeccomp", path: "Sources/Host/Platform/CSeccomp", pkgConfig: "libseccomp",
            providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(
            name: "CNettle", path: "Sources/Host/Registry/CNettle", pkgConfig: "nettle", providers: [.apt(["nettle-dev"])]),
        .systemLibrary(
            name: "CSQLite", path: "Sources/Host/Durable/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(
            name: "CNghttp2", path: "Sources/Host/Frontend/CNghttp2", pkgConfig: "libnghttp2",
            providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "Sources/Host/Transport/COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]),

        // Rooms of the host.
        shim("CPlatform", path: "Sources/Host/Platform/Shim", ["CSeccomp"]),
        room("Platform", ["CPlatform"], exclude: ["Shim", "CSeccomp"]),
        room("Failure"),
        room("Values", ["Failure"]),
        room("Telemetry", ["Values", "Platform"]),
        room("Items"),
        .target(
            name: "CToml", path: "Sources/Host/Config/CToml",
            cxxSettings: [.unsafeFlags(["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("tomlplusplus")]),
        room("Config", ["Values", "Platform", "Failure", "CToml"], exclude: ["CToml"], resources: [.embedInCode("dandelion.toml")]),
        room("Composition", ["Values", "Failure"]),
        room("GuestLayout", ["Items", "Failure"]),
        room("Memory", ["Platform", "Items", "Failure"]),
        room("PluginHost", ["PluginABI", "CVersion", "Values", "Memory", "Platform", "CPlatform", "Telemetry", "Items", "Failure"]),
        room("Engines", ["CPlatform", "Config", "PluginHost", "Memory", "GuestLayout", "Platform", "Telemetry", "Items", "Failure"]),
        room("Transport", ["Config", "Platform", "CPlatform", "Telemetry", "Failure", "COpenSSL"], exclude: ["COpenSSL"]),
        room("Traces", ["Transport", "Engines", "Telemetry", "Values", "Config", "Platform", "Failure", "CVersion"]),
        room("Registry", ["Engines", "PluginHost", "Memory", "Composition", "Values", "Platform", "Telemetry", "Items", "Config", "Failure", "CNettle"], exclude: ["CNettle"]),
        room("Identity", ["Registry", "Values", "Platform", "Telemetry", "Items", "Config", "Failure", "COpenSSL"]),
        room("Dispatcher", ["Config", "Registry", "Traces", "Engines", "PluginHost", "Memory", "Composition", "Values", "Platform", "Telemetry", "Items", "Failure"]),
        room("Fleet", ["Registry", "Engines", "PluginHost", "Memory", "Values", "Platform", "Telemetry", "Items", "Failure"]),
        room(
            "Durable",
            [
                "Fleet", "Dispatcher", "Registry", "Engines", "PluginHost", "Memory", "Composition", "Config", "Values", "Platform",
                "Telemetry",
                "Items", "Failure", "CSQLite",
            ],
            exclude: ["CSQLite"]),
        room(
            "Frontend",
            [
                "Fleet", "Durable", "Dispatcher", "Identity", "Registry", "Traces", "Transport", "Composition", "Engines", "Memory", "Config", "Values", "Platform", "CPlatform",
                "Telemetry", "Items", "Failure", "CNghttp2",
            ],
            exclude: ["CNghttp2"],
            resources: ["openapi.json", "Console/console.html", "Console/console.css", "Console/console.js"].map { .embedInCode($0) }),
        room(
            "Node",
            [
                "CVersion", "Frontend", "Fleet", "Durable", "Dispatcher", "Identity", "Registry", "Traces", "Transport", "Engines", "PluginHost", "Memory", "Config",
                "Values", "Telemetry", "Platform", "CPlatform", "Items", "Failure",
            ]),
        shim("CConformance", path: "Sources/Host/Conformance/Shim"),
        room(
            "Conformance", ["CConformance", "PluginABI", "PluginHost", "Values", "Memory", "Platform", "CPlatform", "Config", "Items", "Failure"],
            exclude: ["Shim"]),
        .target(
            name: "PluginTemplates", path: "Sources/PluginTemplates",
            resources: pluginTemplates.map { .embedInCode($0) }, swiftSettings: swiftSettings),
        .executableTarget(
            name: "dandelion",
            dependencies: [
                "Node", "Identity", "Transport", "Conformance", "Registry", "Composition", "PluginTemplates", "Engines", "PluginHost", "Values", "Config", "Telemetry", "Platform", "Items", "Failure", "PluginABI",
                "CVersion", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Host/CLI", swiftSettings: swiftSettings,
            linkerSettings: [.unsafeFlags(["-Xlinker", "-rpath", "-Xlinker", "$ORIGIN"])]),

        // Plugins.
        shim("CPluginKit", path: "Plugins/Kit/Shim", ["PluginABI"]),
        .target(
            name: "PluginKit", dependencies: ["PluginABI", "CPluginKit"], path: "Plugins/Kit", exclude: ["Shim"],
            swiftSettings: swiftSettings),
        .target(
            name: "PluginElf", dependencies: ["PluginABI", "PluginKit", "CPluginKit", "CElf"], path: "Plugins/Elf", exclude: ["CElf"],
            swiftSettings: swiftSettings),
        .target(name: "CProcess", dependencies: ["CPluginKit"], path: "Plugins/Process/Shim", cSettings: cSettings + zygoteSettings),
        plugin("Process", ["PluginElf", "CProcess", "CPluginKit"], exclude: ["Shim", "README.md"]),
        shim("CKVM", path: "Plugins/KVM/Shim", ["CPluginKit"]),
        plugin("KVM", ["PluginElf", "CKVM", "CPluginKit"], exclude: ["Shim", "README.md"]),
        shim("CHTTPComm", path: "Plugins/HTTPComm/Shim", ["PluginABI", "CCurl"]),
        plugin("HTTPComm", ["CHTTPComm", "CCurl"], exclude: ["Shim", "CCurl", "README.md"]),
        plugin("NATS", ["CNats"], exclude: ["CNats", "README.md"]),
        shim("CCHERI", path: "Plugins/CHERI/Shim", ["CPluginKit"]),
        .target(
            name: "CHERICore", dependencies: ["CPluginKit", "PluginABI", "PluginKit", "PluginElf", "CCHERI", "CVersion"], path: "Plugins/CHERI/Core",
            swiftSettings: swiftSettings),
        plugin("CHERI", ["CHERICore"], exclude: ["Core", "Shim", "README.md"]),
        shim("CRWasm", path: "Plugins/RWasm/Shim", ["CPluginKit", "CSeccomp"]),
        .target(
            name: "RWasmCore", dependencies: ["PluginABI", "PluginKit", "CRWasm", "CNettle"], path: "Plugins/RWasm/Core",
            resources: ["lib", "memory", "number", "table", "value", "vector", "vector_memory", "native", "native/builtins", "native/instance", "native/tables", "native/wasi"].map { .embedInCode("Crate/\($0).rs") },
            swiftSettings: swiftSettings, plugins: [.plugin(name: "WasiShim"), .plugin(name: "TranspilerIdentity")]),
        plugin("RWasm", ["RWasmCore", "CRWasm"], exclude: ["Core", "Shim", "Tools", "Command", "README.md"]),
        .target(
            name: "RWasmTools", dependencies: ["RWasmCore", "CRWasm", "PluginABI", "PluginKit"], path: "Plugins/RWasm/Tools",
            swiftSettings: swiftSettings),
        .plugin(name: "TranspilerIdentity", capability: .buildTool(), path: "Sources/BuildTools"),
        .plugin(name: "WasiShim", capability: .buildTool(), path: "SDK/hlibc/wasi/embed", exclude: ["embed.sh"]),
        .systemLibrary(
            name: "CFFI", path: "Plugins/RWasm/Command/CFFI", pkgConfig: "libffi", providers: [.apt(["libffi-dev"])]),
        shim("CRWasmCall", path: "Plugins/RWasm/Command/Call", ["CRWasm", "CFFI"]),
        .executableTarget(
            name: "dandelion-wasm", dependencies: ["RWasmTools", "CRWasmCall"], path: "Plugins/RWasm/Command",
            exclude: ["Call", "CFFI"], swiftSettings: swiftSettings),

        // Tests.
        .target(
            name: "PluginHarness", dependencies: ["PluginABI", "TestSupport"], path: "Tests/PluginHarness", swiftSettings: swiftSettings),
        tests("ABI", ["PluginABI"]),
        tests("Composition", ["Composition", "Values", "Failure"]),
        tests("Engines", ["Engines", "Memory", "Telemetry", "Values", "Config", "Failure"]),
        tests("Config", ["Config", "Values", "Failure"], exclude: ["bad"]),
        tests("GuestLayout", ["GuestLayout", "PluginABI", "Items", "Failure"]),
        tests(
            "Frontend",
            [
                "Frontend", "Durable", "Dispatcher", "Identity", "Registry", "Transport", "Engines", "PluginHost", "Memory", "Config",
                "Values", "Telemetry", "Platform", "Items", "Failure", "CSQLite", "TestSupport",
            ]),
        .executableTarget(
            name: "StoreWriter", dependencies: ["Registry", "Items", "Failure"], path: "Tests/StoreWriter",
            swiftSettings: swiftSettings),
        tests("Traces", ["Traces", "Engines", "Telemetry", "Values", "Config"]),
        tests("Identity", ["Identity", "COpenSSL", "Config", "Failure", "TestSupport", "Values"]),
        tests("Registry", ["Registry", "Items", "Failure", "StoreWriter"]),
        .target(name: "TestSupport", path: "Tests/Support", swiftSettings: swiftSettings),
        tests("Memory", ["Memory", "Platform", "Items", "Failure", "TestSupport"]),
        tests("PluginHost", ["PluginHost", "Values", "Memory", "Platform", "Items", "Failure", "TestSupport"]),
        tests(
            "Dispatcher",
            ["Dispatcher", "Registry", "Engines", "PluginHost", "Memory", "Platform", "Items", "Failure", "Telemetry", "TestSupport"]),
        tests(
            "Durable",
            ["Durable", "Dispatcher", "Registry", "Engines", "PluginHost", "Memory", "Config", "Platform", "Telemetry", "Items", "Failure", "TestSupport"]),
        tests("Process", ["CPluginKit", "PluginABI", "PluginKit", "PluginElf", "PluginHarness", "TestSupport"], exclude: ["Guests", "Measure", "Programs"]),
        tests("KVM", ["PluginABI", "PluginKit", "PluginHarness"], exclude: ["Bench", "Guests", "Machines"]),
        .target(
            name: "CommHarness", dependencies: ["PluginABI"], path: "Tests/CommHarness", swiftSettings: swiftSettings),
        tests("HTTPComm", ["PluginABI", "CommHarness", "TestSupport"]),
        tests("NATS", ["PluginHost", "Values", "Failure", "TestSupport"]),
        tests("ExamplePlugins", ["PluginABI", "CommHarness"]),
        tests("SDK", ["PluginABI", "PluginHarness", "dandelion"], exclude: ["conformance", "images", "native", "programs"]),
        tests("Fleet", ["Fleet", "Items"]),
        tests("Node", ["PluginHarness", "TestSupport", "Values"]),
        tests("CLI", ["dandelion", "Transport"]),
        tests("RWasm", ["CRWasm", "CRWasmCall", "PluginABI", "PluginKit", "PluginHarness", "RWasmCore", "RWasmPlugin", "RWasmTools", "TestSupport"], exclude: ["guests", "Fuzz", "wast"]),
        tests("Conformance", ["dandelion"]),
        tests(
            "CHERI", ["PluginABI", "PluginKit", "PluginElf", "PluginHarness", "CHERICore", "CCHERI"],
            exclude: ["Guests", "Machine", "aarch64.sh"]),
    ],
    cLanguageStandard: .gnu11,
    cxxLanguageStandard: .cxx17
)

let fuzzed: [Target.Dependency] = [
    "Frontend", "Composition", "GuestLayout", "Items", "Memory", "Failure", "RWasmCore", "PluginABI", "PluginKit", "PluginElf",
]
if isFuzzing {
    package.targets += [
        .target(name: "FuzzDriver", path: "Tests/Fuzz/Driver", cSettings: cSettings),
        .executableTarget(
            name: "dandelion-fuzz", dependencies: fuzzed + ["HTTPCommPlugin", "FuzzDriver"], path: "Tests/Fuzz",
            exclude: ["Driver", "Replay", "corpus", "README.md", "run.sh"], sources: ["Targets", "HTTPComm", "main.swift"],
            swiftSettings: swiftSettings),
    ]
} else {
    package.targets += [
        .testTarget(
            name: "FuzzTests", dependencies: fuzzed, path: "Tests/Fuzz",
            exclude: ["Driver", "HTTPComm", "corpus", "main.swift", "README.md", "run.sh"], sources: ["Targets", "Replay"],
            swiftSettings: swiftSettings)
    ]
}
