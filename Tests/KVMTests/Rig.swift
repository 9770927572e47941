import Glibc
import PluginABI
import PluginHarness
import Testing

/// One after another: several tests look at the clock or at the whole process.
@Suite(.serialized) enum KVMBackend {}

/// The plugin under test, started once, with its guests.
enum Rig {
    static let plugin = Result { try HarnessPlugin(file: HarnessPlugin.path(of: "DandelionKVM")) }

    static let guests: String = {
        let folder = "\(#filePath)".split(separator: "/").dropLast().joined(separator: "/")
        return "/\(folder)/Guests"
    }()

    /// For the guest registers, which begins before anything is changed.
    static let ownEntry = ["-Wl,-e,take"]

    /// A guest of Tests/KVMTests/Guests.
    static func image(_ name: String, flags: [String] = []) throws -> HarnessImage {
        try plugin.get().load(try GuestCompiler.image(name, flags: flags, in: guests))
    }

    /// A guest of Tests/Guests.
    static func sharedImage(_ name: String, flags: [String] = []) throws -> HarnessImage {
        try plugin.get().load(try GuestCompiler.image(name, flags: flags))
    }

    /// An engine for the body, on this thread.
    static func withEngine<R>(_ body: (HarnessEngine) throws -> R) throws -> R {
        let engine = try HarnessEngine(try plugin.get())
        defer { engine.destroy() }
        return try body(engine)
    }

    /// Numbers as the item that guests take their parameters from.
    static func parameters(_ numbers: UInt64...) -> [GuestSet] {
        [GuestSet("in", [GuestItem("parameters", numbers.flatMap { withUnsafeBytes(of: $0) { [UInt8]($0) } })])]
    }

    /// Whether the machine runs guests by virtualisation hardware; else KVM keeps page tables only.
    static let hasHardware = ["kvm_intel", "kvm_amd"].contains { access("/sys/module/\($0)", F_OK) == 0 }
}

/// The bytes of a file of any length, proc(5) too.
func contents(of path: String) throws -> [UInt8] {
    let fd = open(path, O_RDONLY)
    guard fd >= 0 else { throw HarnessError(DN_IO, "cannot open \(path)") }
    defer { close(fd) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let got = read(fd, &chunk, chunk.count), got > 0 { bytes += chunk.prefix(got) }
    return bytes
}

extension Outcome {
    /// Whether it is that of the guest hello.
    var isHello: Bool {
        outcome == DN_RUN_EXITED
            && outputs.first?.items == [GuestItem("greeting", [UInt8]("hello, world".utf8))]
    }
}
