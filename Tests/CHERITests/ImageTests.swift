import PluginABI
import PluginHarness
import PluginElf
import PluginKit
import Testing

@testable import CHERICore

/// Images that must be refused, and what is learned from those that are not.
@Suite(.enabled(if: GuestCompiler.missing == nil, "no clang")) struct ImageTests {
    private func load(_ bytes: [UInt8]) throws -> Image {
        try bytes.withUnsafeBytes { try Image($0, contextMax: 1 << 40) }
    }

    private func guest(_ name: String, flags: [String] = []) throws -> [UInt8] {
        try GuestCompiler.image(name, flags: flags, for: .aarch64)
    }

    private func own(_ name: String, flags: [String] = []) throws -> [UInt8] {
        try Battery.guest(name, flags: flags)
    }

    private func refusal(_ bytes: [UInt8]) -> PluginError? {
        do {
            _ = try load(bytes)
            return nil
        } catch {
            return error as? PluginError
        }
    }

    /// The file with a field of its program header `index` changed.
    private func changing<T: FixedWidthInteger>(
        _ bytes: [UInt8], loadable index: Int, field offset: Int, to value: T
    ) -> [UInt8] {
        var bytes = bytes
        bytes.withUnsafeMutableBytes { file in
            let table = Int(file.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
            let count = Int(file.loadUnaligned(fromByteOffset: 56, as: UInt16.self))
            let headers = (0..<count).map { table + $0 * 56 }.filter {
                file.loadUnaligned(fromByteOffset: $0, as: UInt32.self) == 1
            }
            file.storeBytes(of: value, toByteOffset: headers[index] + offset, as: T.self)
        }
        return bytes
    }

    @Test func factsOfAGoodImage() throws {
        let image = try load(guest("hello"))
        #expect(image.exit == .stub && image.slot == ContextLayout.slot && image.low == ContextLayout.lowest)
        #expect(image.systemCall == nil)
        #expect(image.info.data_begin % ContextLayout.page == 0 && image.info.data_begin >= image.elf.end)
        let code = try #require(image.protections.last { $0.rights.contains(.execute) })
        #expect(image.codeBytes == code.end && Representable.bounds(image.codeBytes).length == image.codeBytes)
        #expect(image.protections.allSatisfy { !$0.rights.isSuperset(of: [.write, .execute]) })
        #expect(image.protections.contains(PageRange(begin: 0, end: ContextLayout.stub, rights: [])))
    }

    @Test(arguments: ["0x0", "0x10000"]) func originalImagesLieAnywhere(base: String) throws {
        let image = try load(own("original", flags: ["-Wl,--image-base=\(base)"]))
        guard case .own(let slot) = image.exit else { Issue.record("no slot"); return }
        #expect(slot % 16 == 0 && image.low == (base == "0x0" ? 0 : 0x10000))
    }

    @Test func anImageAtZeroNeedsItsOwnWayOut() throws {
        let error = try #require(refusal(guest("hello", flags: ["-Wl,--image-base=0x1000"])))
        #expect(error.status == DN_BAD_IMAGE && error.message.contains("__dandelion_return_address"))
    }

    @Test func otherMachinesAreNotItsFormat() throws {
        #expect(try refusal(GuestCompiler.image("hello"))?.status == DN_UNSUPPORTED)
        #expect(refusal([UInt8]("\0asm".utf8))?.status == DN_UNSUPPORTED)
    }

    @Test func writableCodeIsRefused() throws {
        let bytes = changing(try guest("hello"), loadable: 1, field: 4, to: UInt32(7))
        #expect(refusal(bytes)?.message.contains("writable and executable") == true)
    }

    @Test func overlappingSegmentsAreRefused() throws {
        let image = try load(guest("hello"))
        let code = image.elf.segments[1]
        let bytes = changing(try guest("hello"), loadable: 2, field: 16, to: code.end - 8)
        #expect(refusal(bytes)?.message.contains("overlap") == true)
    }

    @Test func codeAndDataInOnePageAreRefused() throws {
        let flags = ["-Wl,-z,noseparate-code", "-Wl,-z,max-page-size=16", "-Wl,--omagic"]
        #expect(try refusal(guest("hello", flags: flags))?.status == DN_BAD_IMAGE)
    }

    /// Code that ends a page behind 256 MiB needs bounds in steps of 128 KiB.
    @Test func codeWhoseBoundsWouldCoverDataIsRefused() throws {
        let code = "-Wl,--section-start=.text=0x10000000"
        let close = try guest("hello", flags: [code, "-Wl,--section-start=.data=0x10001000"])
        let error = try #require(refusal(close))
        #expect(error.status == DN_BAD_IMAGE && error.message.contains("capability bounds"), "\(error.message)")
        let image = try load(guest("hello", flags: [code, "-Wl,--section-start=.data=0x10020000"]))
        #expect(image.codeBytes == 0x1002_0000)
    }

    @Test func whatTheHostWritesMustBeWritable() throws {
        let system = try #require(refusal(changing(guest("hello"), loadable: 2, field: 4, to: UInt32(4))))
        #expect(system.status == DN_BAD_IMAGE && system.message.contains("__dandelion_system_data"))
        let slot = try #require(refusal(changing(own("original"), loadable: 2, field: 4, to: UInt32(4))))
        #expect(slot.status == DN_BAD_IMAGE && slot.message.contains("__dandelion_return_address"))
    }

    @Test func aMisplacedReturnSlotIsRefused() throws {
        #expect(try refusal(own("original", flags: ["-DODD_SLOT"]))?.message.contains("16-byte aligned") == true)
    }

    @Test func systemCallsInCodeAreFound() throws {
        let image = try load(own("escape"))
        #expect(image.systemCall != nil && image.systemCall! % 4 == 0)
        for immediate in [0, 1, 0xffff] as [UInt32] {
            let word = (0xd400_0001 | immediate << 5).littleEndian
            withUnsafeBytes(of: (UInt32(0), word)) { #expect(SystemCalls.first(in: $0) == 4) }
        }
        // hvc, smc, brk, and svc's bits across two words.
        let others: [UInt32] = [0xd400_0002, 0xd400_0003, 0xd420_0000, 0x0001_0000, 0xd400_d400]
        others.withUnsafeBytes { #expect(SystemCalls.first(in: $0) == nil) }
    }

    @Test func withoutAFilterImagesWithSystemCallsAreRefused() throws {
        let plugin = try TestPlugin.make(NoExecutor(), filters: false)
        #expect(throws: Never.self) { try plugin.load(guest("hello")) }
        let error = try #require(throws: HarnessError.self) { try plugin.load(own("escape")) }
        #expect(error.status == DN_BAD_IMAGE && error.message.contains("CONFIG_SECCOMP_FILTER"))
    }

    @Test func damagedFilesAreRefused() throws {
        let good = try guest("hello")
        var generator = SplitMix(state: 7)
        for _ in 0..<2000 {
            var bytes = good
            if generator.next() % 4 == 0 {
                bytes.removeLast(Int(generator.next() % UInt64(bytes.count)))
            } else {
                for _ in 0...3 where !bytes.isEmpty {
                    bytes[Int(generator.next() % UInt64(min(bytes.count, 400)))] = UInt8(
                        truncatingIfNeeded: generator.next())
                }
            }
            guard let image = try? load(bytes) else { continue }
            // What is taken can be placed: everything lies inside.
            #expect(image.elf.segments.allSatisfy { $0.fileOffset + $0.fileSize <= bytes.count && $0.end <= 1 << 40 })
            #expect(image.slot % 16 == 0 && image.codeBytes <= roundUp(image.elf.end, 1 << 30))
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014), so that failures repeat.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
