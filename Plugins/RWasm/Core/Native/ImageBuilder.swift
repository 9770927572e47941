import Glibc
import PluginABI
package import PluginKit

/// Makes function images of modules, for backends that isolate by other means.
package struct ImageBuilder: Sendable {
    /// The format that images have.
    package static let format = "elf-x86_64"

    private let builder: Builder

    package init(_ builder: Builder) {
        var builder = builder
        builder.form = .image
        self.builder = builder
    }

    /// The image of a module: from the cache in `directory`, or compiled with all optimisations in a turn that `turn` takes.
    /// Without a directory nothing is kept. `progress` is told permille and a few words.
    package func image(
        of bytes: [UInt8], in cache: Cache, turns: HostTurns? = nil,
        memory: (service: HostMemory, account: UInt64)? = nil, progress: (UInt32, String) -> Void = { _, _ in }
    ) throws(PluginError) -> [UInt8] {
        let module = try Module.function(bytes)
        let server = WasiServer.serves(module) ? try WasiServer.shim() : nil
        let program = try Program(InstantiableModule(module), server: server)
        let name = builder.name(builder.key(of: bytes), .fast)
        if let made = cache.read(name) { return made }
        let made = try HostTurns.take(turns, DN_TURN_AWAITED) { isWanted throws(PluginError) in
            progress(0, "validating")
            return try build(program, in: cache, Toolchain.Effort(isWanted: isWanted, memory: memory)) {
                progress($0, "compiling an image")
            }
        }
        try cache.keep(made, as: name)
        cache.prune(keeping: name)
        return made
    }

    private func build(
        _ program: Program, in cache: Cache, _ effort: Toolchain.Effort, _ told: (UInt32) -> Void
    ) throws(PluginError) -> [UInt8] {
        let module = program.instantiable.module
        let crates = try checked { () throws(WasmError) in try Crates.sole(module) }
        return try builder.inWork(of: cache) { work throws(PluginError) in
            let run = Builder.Run(builder: builder, level: .fast, cache: cache, work: work, effort: effort)
            var arguments = try run.libraries(of: crates, told)
            var shimType = ""
            if let server = program.server {
                shimType = try shimLibrary(server, run)
                arguments += ["--extern", "shim=libshim.rlib"]
                try work.write(Self.data(server.instantiable.module), to: ImageRoot.shimData)
            }
            try work.write(Self.data(module), to: ImageRoot.mainData)
            try link(ImageRoot(program: program, mainType: crates.modules[0], shimType: shimType), arguments, run)
            told(1000)
            return try run.result("root")
        }
    }

    private func link(_ root: ImageRoot, _ arguments: [String], _ run: Builder.Run) throws(PluginError) {
        try run.work.write(root.text.utf8, to: "root.rs")
        try run.work.write(root.script.utf8, to: "image.ld")
        let flags = [
            "-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,-T,image.ld", "-Wl,--build-id=none",
            "-Wl,-z,noexecstack", "-Wl,-z,norelro",
        ]
        try run.compile("root", "bin", arguments + ["-Cstrip=debuginfo"] + flags.map { "-Clink-arg=\($0)" })
    }

    /// Compiles the shim, once for each cache.
    /// - Returns: the path of its type.
    private func shimLibrary(_ server: WasiServer, _ run: Builder.Run) throws(PluginError) -> String {
        let module = server.instantiable.module
        let crates = try checked { () throws(WasmError) in try Crates.together([module], name: "shim") }
        let name = "libshim-\(builder.key(of: module.bytes).prefix(24)).rlib"
        if let made = run.cache.read(name) {
            try run.work.write(made, to: "libshim.rlib")
        } else {
            // With the runtime crate that is there already.
            try run.work.write(crates.stages[0][0].text.utf8, to: "shim.rs")
            try run.compile("shim", "rlib", ["--extern", "rt=librt.rlib", "-L", "dependency=."])
            try run.cache.keep(try run.result("libshim.rlib"), as: name)
        }
        return crates.modules[0]
    }

    private static func data(_ module: Module) -> ArraySlice<UInt8> { module.bytes[ImageRoot.dataRange(module)] }
}
