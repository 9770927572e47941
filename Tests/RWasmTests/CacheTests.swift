import CRWasm
import CRWasmCall
import Glibc
import PluginHarness
import Synchronization
import TestSupport
import Testing

@testable import RWasmCore
@testable import RWasmTools

/// Compiled modules on disk, and modules that become several crates.
@Suite(.serialized) struct CacheTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = "\(Temporary.folder)/dandelion-cache-\(getpid())"
        mkdir(folder, 0o700)
        defer { _ = system("rm -rf \(folder)") }
        try body(folder)
    }

    private func age(_ path: String, seconds: Int) {
        var times = [
            timeval(tv_sec: time(nil) - seconds, tv_usec: 0), timeval(tv_sec: time(nil) - seconds, tv_usec: 0),
        ]
        utimes(path, &times)
    }

    /// As a disk leaves it that was full when the key was written: it is made anew, and not missed for ever.
    @Test(arguments: [0, 7, 31, 33]) func aKeyThatIsNotWholeIsReplaced(count: Int) throws {
        try withFolder { folder in
            try WasmGuest.write([UInt8](repeating: 1, count: count), to: "\(folder)/seal.key")
            _ = try Cache(folder, budget: 1 << 20)
            let key = try WasmGuest.read("\(folder)/seal.key")
            #expect(key.count == 32)
            _ = try Cache(folder, budget: 1 << 20)
            #expect(try WasmGuest.read("\(folder)/seal.key") == key)
        }
    }

    @Test func tenThousandModulesStayWithinTheBudget() throws {
        try withFolder { folder in
            let cache = try Cache(folder, budget: 1 << 20)
            let object = [UInt8](repeating: 0, count: 4096)
            for index in 0..<10_000 {
                let path = "\(folder)/\(index)-fast.so"
                try WasmGuest.write(object, to: path)
                age(path, seconds: 20_000 - index)
                if index % 100 == 99 { cache.prune(keeping: "\(index)-fast.so") }
            }
            let left = Files.names(in: folder).filter { $0.hasSuffix(".so") }.compactMap {
                Int($0.prefix { $0 != "-" })
            }
            // The newest, and the one that was kept whatever the rest takes.
            #expect(left.count == 257 && left.min() == 10_000 - 257)
        }
    }

    @Test func whatABrokenCompilationLeftIsRemoved() throws {
        try withFolder { folder in
            mkdir("\(folder)/work-old", 0o700)
            try WasmGuest.write([1], to: "\(folder)/work-old/part0.rs")
            mkdir("\(folder)/work-new", 0o700)
            age("\(folder)/work-old", seconds: 100_000)
            try Cache(folder, budget: 1 << 20).prune(keeping: "")
            #expect(Set(Files.names(in: folder)) == ["work-new", "seal.key"])
        }
    }

    /// What this node did not write, under this name, is never taken.
    @Test(arguments: ["altered", "renamed", "unsealed", "link", "hard link", "writable"])
    func whatWasPlantedIsRemoved(_ way: String) throws {
        try withFolder { folder in
            let told = Mutex<[String]>([])
            let cache = try Cache(folder, budget: 1 << 20) { message in told.withLock { $0.append(message) } }
            let object = [UInt8](repeating: 7, count: 5000)
            try cache.keep(object, as: "a-fast.so")
            #expect(cache.read("a-fast.so") == object)
            let path = "\(folder)/a-fast.so"
            var name = "a-fast.so"
            switch way {
            case "altered":
                var bytes = try WasmGuest.read(path)
                bytes[4999] ^= 1
                try WasmGuest.write(bytes, to: path)
            case "renamed":
                name = "b-fast.so"
                #expect(rename(path, "\(folder)/\(name)") == 0)
            case "unsealed": try WasmGuest.write(object, to: path)
            case "link":
                #expect(rename(path, "\(folder)/other") == 0 && symlink("other", path) == 0)
            case "hard link": #expect(link(path, "\(folder)/other") == 0)
            default: #expect(chmod(path, 0o666) == 0)
            }
            #expect(cache.read(name) == nil)
            #expect(!Files.names(in: folder).contains(name))
            #expect(told.withLock { $0.count } == 1)
        }
    }

    @Test func aFolderOfOthersIsNotUsed() throws {
        try withFolder { folder in
            #expect(chmod(folder, 0o777) == 0)
            let told = Mutex<[String]>([])
            let cache = try Cache(folder, budget: 1 << 20) { message in told.withLock { $0.append(message) } }
            try cache.keep([1, 2, 3], as: "a-fast.so")
            #expect(cache.read("a-fast.so") == [1, 2, 3])
            #expect(Files.names(in: folder).isEmpty)
            #expect(told.withLock { $0.first?.contains("are not kept") } == true)
        }
    }

    /// Each of eight functions adds its index and calls the next, the last one through a table one that doubles.
    private static func chain() -> [UInt8] {
        func section(_ id: UInt8, _ bytes: [UInt8]) -> [UInt8] { [id, UInt8(bytes.count)] + bytes }
        let bodies = (0..<8).flatMap { index -> [UInt8] in
            let next: [UInt8] = index < 7 ? [0x10, UInt8(index + 1)] : [0x41, 0, 0x11, 0, 0]
            let code: [UInt8] = [0, 0x20, 0, 0x41, UInt8(index), 0x6a] + next + [0x0b]
            return [UInt8(code.count)] + code
        }
        let last: [UInt8] = [7, 0, 0x20, 0, 0x41, 2, 0x6c, 0x0b]
        return [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0] + section(1, [1, 0x60, 1, 0x7f, 1, 0x7f])
            + section(3, [9] + [UInt8](repeating: 0, count: 9)) + section(4, [1, 0x70, 0, 1])
            + section(7, [1, 1, 0x66, 0, 0]) + section(9, [1, 0, 0x41, 0, 0x0b, 1, 8])
            + section(10, [9] + bodies + last)
    }

    @Test func splitModuleCallsAcrossItsCrates() throws {
        try withFolder { folder in
            let module = try ModuleDecoder.decode(Self.chain())
            let crates = try Crates.sole(module, exports: .bySignature, shape: Crates.Shape(bytes: 12, functions: 2))
            #expect(crates.stages.count == 3 && crates.stages[1].count >= 7)
            let cache = try Cache(folder, budget: 1 << 30)
            let code = try Code(try ToolModule.builder().build(crates, .quick, in: cache), .quick)
            let runner = try #require(rwasm_runner_create(0, 1 << 20))
            defer { rwasm_runner_destroy(runner) }
            let store = try Store(Caller(runner: runner, rwasm_ffi_call))
            let (instance, _) = try store.instantiate(module, code.descriptor()) { _, _ in nil }
            let (values, trap) = store.call(instance, 0, [rwasm_value(low: 5, high: 0)])
            #expect(trap == nil && values.first?.low == (5 + 28) * 2)
        }
    }
}
