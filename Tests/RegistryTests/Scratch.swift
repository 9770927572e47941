import Failure
import Foundation
import Items
import Registry

/// A folder of its own for a test, removed with the test process.
struct Scratch {
    let path = folder.appending(path: UUID().uuidString).path

    private static let folder: URL = {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-store-\(getpid())")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(at: Scratch.folder) }
        return folder
    }()

    func copy() throws -> Scratch {
        let copy = Scratch()
        try FileManager.default.copyItem(atPath: path, toPath: copy.path)
        return copy
    }

    func names(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)")) ?? []).sorted()
    }

    func bytes(_ file: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(file)")))
    }

    func put(_ bytes: [UInt8], _ file: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(file)"))
    }
}

extension Store {
    /// Saves a small function of which only these differ.
    func save(_ name: String, image: Blob, bound: [Item]? = nil) throws(Failure) {
        let definition = FunctionDefinition(
            name: name, className: "Process", memoryLimit: 8 << 20, timeout: 5_000_000_000,
            inputs: [.init(name: "in"), .init(name: "", bound: bound)], outputs: ["out", ""], minSetBytes: [7, 0])
        try save(definition, image: image, digest: Store.digest(of: image))
    }
}

/// Everything of a function as text, for comparison.
func describe(_ stored: StoredFunction) -> String {
    let definition = stored.definition
    let inputs = definition.inputs.map { input in
        let items = input.bound.map { $0.map { "\($0.ident.array) \($0.key) \($0.data.array)" } }
        return "\(input.name) \(items ?? ["none"])"
    }
    return "\(definition.name) \(definition.className) \(definition.memoryLimit ?? 0) \(definition.timeout ?? 0) "
        + "\(inputs) \(definition.outputs) \(definition.minSetBytes) \(stored.digest) \(stored.imageSize)"
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var seed: UInt64

    mutating func next() -> UInt64 {
        seed &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (seed ^ (seed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
