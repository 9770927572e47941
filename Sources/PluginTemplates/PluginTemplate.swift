/// The project that `dandelion plugins new` writes: a working plugin that uses nothing of the host but the ABI's headers.
public struct PluginTemplate: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// An echo protocol.
        case comm
        /// An interpreter of a small text format.
        case compute
    }

    public enum Language: String, Sendable, CaseIterable {
        case c, swift
    }

    public let kind: Kind
    public let language: Language
    /// Of the plugin; `isName` holds.
    public let name: String

    public init(kind: Kind, language: Language, name: String) {
        self.kind = kind
        self.language = language
        self.name = name
    }

    /// Whether `text` can name a plugin: what the node's config accepts, and a product of every build system.
    public static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, (0x61...0x7a).contains(first), text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f }
    }

    /// The command that builds it, and the file that it makes, relative to the project's folder.
    public var build: (command: String, product: String) {
        switch language {
        case .c: ("make", "lib\(name).so")
        case .swift: ("swift build -c release", ".build/release/lib\(name).so")
        }
    }

    /// The files by their paths in the project. `folder` is where it will lie, for its README.
    public func files(in folder: String) -> [(path: String, bytes: [UInt8])] {
        let own: [(String, [UInt8])] =
            switch language {
            case .c: filesInC + Self.headers.map { ("include/dandelion/\($0.0)", $0.1) }
            case .swift: filesInSwift + Self.headers.map { ("PluginABI/include/dandelion/\($0.0)", $0.1) } + Self.kit
            }
        var readme = Self.readme(kind, language)
        if kind == .compute { readme += PackageResources.format_md }
        return (own + [("README.md", readme)] + (kind == .compute ? Self.guests : [])).map { path, bytes in
            (path, fill(bytes, folder))
        }
    }

    /// The placeholders' values in place of them.
    private func fill(_ bytes: [UInt8], _ folder: String) -> [UInt8] {
        let text = String(decoding: bytes, as: UTF8.self)
        return Array(
            text.replacing("__NAME__", with: name).replacing("__PATH__", with: folder)
                .replacing("__FILE__", with: build.product).utf8)
    }

    private var filesInC: [(String, [UInt8])] {
        let shared = [("Makefile", PackageResources.Makefile), (".gitignore", Array("*.so\n".utf8))]
        switch kind {
        case .comm:
            return shared + [
                ("plugin.h", PackageResources.comm_plugin_h), ("plugin.c", PackageResources.comm_plugin_c),
                ("reactor.c", PackageResources.comm_reactor_c),
            ]
        case .compute:
            return shared + [
                ("plugin.h", PackageResources.compute_plugin_h), ("plugin.c", PackageResources.compute_plugin_c),
                ("image.c", PackageResources.compute_image_c), ("context.c", PackageResources.compute_context_c),
                ("engine.c", PackageResources.compute_engine_c), ("snapshot.c", PackageResources.compute_snapshot_c),
            ]
        }
    }

    private var filesInSwift: [(String, [UInt8])] {
        let shared = [
            ("Package.swift", PackageResources.Package_swift_template), (".gitignore", Array(".build/\n".utf8)),
            ("exports.map", PackageResources.exports_map), ("CPlugin/System.c", PackageResources.System_c),
            ("CPlugin/include/System.h", PackageResources.System_h),
            ("PluginABI/abi.c", PackageResources.abi_c),
            ("PluginABI/include/module.modulemap", PackageResources.module_modulemap),
        ]
        switch kind {
        case .comm:
            return shared + [
                ("Sources/Plugin.swift", PackageResources.CommPlugin_swift),
                ("Sources/Reactor.swift", PackageResources.CommReactor_swift),
            ]
        case .compute:
            return shared + [
                ("Sources/Plugin.swift", PackageResources.ComputePlugin_swift),
                ("Sources/Image.swift", PackageResources.ComputeImage_swift),
                ("Sources/Context.swift", PackageResources.ComputeContext_swift),
                ("Sources/Engine.swift", PackageResources.ComputeEngine_swift),
            ]
        }
    }

    private static func readme(_ kind: Kind, _ language: Language) -> [UInt8] {
        switch (kind, language) {
        case (.comm, .c): PackageResources.comm_c_md
        case (.comm, .swift): PackageResources.comm_swift_md
        case (.compute, .c): PackageResources.compute_c_md
        case (.compute, .swift): PackageResources.compute_swift_md
        }
    }

    private static let guests: [(String, [UInt8])] = [
        ("guests/exits.tiny", PackageResources.exits_tiny), ("guests/loops.tiny", PackageResources.loops_tiny),
        ("guests/faults.tiny", PackageResources.faults_tiny), ("guests/echo.tiny", PackageResources.echo_tiny),
    ]

    /// What is shared with the node's own plugins.
    private static let kit: [(String, [UInt8])] = [
        ("Clock.swift", PackageResources.Clock_swift), ("Comm.swift", PackageResources.Comm_swift),
        ("Compute.swift", PackageResources.Compute_swift), ("ComputeTable.swift", PackageResources.ComputeTable_swift),
        ("Fleet.swift", PackageResources.Fleet_swift), ("Handle.swift", PackageResources.Handle_swift),
        ("HostServices.swift", PackageResources.HostServices_swift),
        ("HostEgress.swift", PackageResources.HostEgress_swift),
        ("HostMemory.swift", PackageResources.HostMemory_swift),
        ("HostSignals.swift", PackageResources.HostSignals_swift), ("Plugin.swift", PackageResources.Plugin_swift),
        ("ImageContents.swift", PackageResources.ImageContents_swift),
        ("PluginError.swift", PackageResources.PluginError_swift), ("Recycler.swift", PackageResources.Recycler_swift),
        ("Settings.swift", PackageResources.Settings_swift), ("SlotPool.swift", PackageResources.SlotPool_swift),
        ("Structs.swift", PackageResources.Structs_swift), ("Shim/stop.c", PackageResources.stop_c),
        ("Shim/memory.c", PackageResources.memory_c), ("Shim/include/dk_memory.h", PackageResources.dk_memory_h),
        ("Shim/include/CPluginKit.h", PackageResources.CPluginKit_h),
        ("Shim/include/dk_pagemap.h", PackageResources.dk_pagemap_h),
        ("Shim/include/dk_slot.h", PackageResources.dk_slot_h), ("Shim/include/dk_stop.h", PackageResources.dk_stop_h),
    ].map { ("PluginKit/\($0.0)", $0.1) }

    private static let headers: [(String, [UInt8])] = [
        ("abi.h", PackageResources.abi_h), ("comm.h", PackageResources.comm_h),
        ("compute.h", PackageResources.compute_h), ("fleet.h", PackageResources.fleet_h),
        ("guest.h", PackageResources.guest_h), ("host.h", PackageResources.host_h),
        ("plugin.h", PackageResources.plugin_h),
        ("status.h", PackageResources.status_h), ("translate.h", PackageResources.translate_h),
        ("types.h", PackageResources.types_h), ("version.h", PackageResources.version_h),
    ]
}
