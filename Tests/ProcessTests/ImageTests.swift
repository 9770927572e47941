import CPluginKit
import Glibc
import PluginABI
import PluginHarness
import PluginElf
import PluginKit
import Testing

/// Images are untrusted: cut or changed anywhere, they are refused with a reason and a place, or are as safe as any other.
@Suite struct Images {
    private func read(_ bytes: [UInt8]) throws(PluginError) -> ElfImage {
        do {
            return try bytes.withUnsafeBytes {
                try ElfImage(bytes: $0, machine: .x86_64, addresses: 0x10000..<(4 << 30))
            }
        } catch {
            guard let error = error as? PluginError else { throw PluginError(DN_FAILED, "\(error)") }
            throw error
        }
    }

    @Test func aGoodImageIsRead() throws {
        let image = try read(try GuestCompiler.image("hello"))
        #expect(image.segments.count == 3)
        #expect(image.segments.map(\.rights) == [[.read], [.read, .execute], [.read, .write]])
        #expect(image.systemData == image.segments[2].address)
        let ranges = try image.protections(pageSize: 4096)
        #expect(ranges.map(\.rights) == [[.read], [.read, .execute]])
        #expect(ranges.map(\.begin) == [0x10000, 0x11000])
    }

    @Test func oneCutAtEveryByteIsRefused() throws {
        let bytes = try GuestCompiler.image("hello")
        for length in 0..<bytes.count {
            do throws(PluginError) {
                _ = try read([UInt8](bytes.prefix(length)))
                Issue.record("accepted with \(length) of \(bytes.count) bytes")
            } catch {
                #expect(error.status == (length < 4 ? DN_UNSUPPORTED : DN_BAD_IMAGE), "\(length): \(error)")
                #expect(error.inputOffset != PluginError.noOffset && !error.message.isEmpty)
            }
        }
    }

    /// Every byte of the headers and tables, changed in four ways. What is accepted keeps every promise of ElfImage.
    @Test func oneChangedAnywhereIsRefusedOrSound() throws {
        let bytes = try GuestCompiler.image("hello")
        let interesting = [Array(0..<0x200), Array(max(0, bytes.count - 0x900)..<bytes.count)].joined()
        for offset in interesting {
            for value in [0, 0xff, bytes[offset] ^ 1, bytes[offset] ^ 0x80] as [UInt8] {
                var changed = bytes
                changed[offset] = value
                guard let image = try? read(changed) else { continue }
                expectSound(image, changed.count)
            }
        }
    }

    private func expectSound(_ image: ElfImage, _ count: Int) {
        var last: UInt64 = 0x10000
        for segment in image.segments {
            #expect(segment.address >= last && segment.end <= 4 << 30 && segment.end > segment.address)
            #expect(segment.fileOffset >= 0 && segment.fileSize >= 0 && segment.fileOffset + segment.fileSize <= count)
            #expect(UInt64(segment.fileSize) <= segment.memorySize)
            #expect(!segment.rights.isSuperset(of: [.write, .execute]))
            last = segment.end
        }
        #expect(image.segments.contains { $0.rights.contains(.execute) && ($0.address..<$0.end).contains(image.entry) })
    }

    @Test(
        arguments: [
            (4, 1, DN_UNSUPPORTED, "64-bit"), (5, 2, DN_UNSUPPORTED, "little-endian"),
            (18, 183, DN_UNSUPPORTED, "machine"),
            (16, 3, DN_BAD_IMAGE, "fixed-address"), (0, 0, DN_UNSUPPORTED, "not an ELF"),
        ] as [(Int, UInt8, dn_status, String)]) func otherFormatsAreNamed(
            at: Int, value: UInt8, status: dn_status, word: String
        ) throws
    {
        var bytes = try GuestCompiler.image("hello")
        bytes[at] = value
        do throws(PluginError) {
            _ = try read(bytes)
            Issue.record("accepted")
        } catch {
            #expect(error.status == status && error.message.contains(word), "\(error)")
        }
    }

    /// Changes of one field of a program header, and what must be said about them.
    @Test(
        arguments: [
            (4, 7, "writable and executable"), (8, .max - 1, "leave the file"), (16, 0x8000, "leaves the addresses"),
            (16, .max - 0x1000, "leaves the addresses"), (32, 1 << 40, "larger in the file"),
            (40, .max, "leaves the addresses"),
            (40, 1 << 33, "leaves the addresses"),
        ] as [(Int, UInt64, String)]) func lyingSegmentsAreRefused(field: Int, value: UInt64, word: String) throws
    {
        var bytes = try GuestCompiler.image("hello")
        // The third PT_LOAD, wherever the linker put it.
        let loads = (0..<Int(bytes[56])).map { 64 + 56 * $0 }.filter { bytes[$0] == 1 }
        let size = field == 4 ? 4 : 8
        for index in 0..<size { bytes[loads[2] + field + index] = UInt8(truncatingIfNeeded: value >> (index * 8)) }
        do throws(PluginError) {
            _ = try read(bytes)
            Issue.record("accepted")
        } catch {
            #expect(error.status == DN_BAD_IMAGE && error.message.contains(word), "\(error)")
            #expect(error.inputOffset == UInt64(loads[2] + (field == 40 ? 16 : field)), "\(error)")
        }
    }

    @Test func overlappingSegmentsAreRefused() throws {
        var bytes = try GuestCompiler.image("hello")
        let loads = (0..<Int(bytes[56])).map { 64 + 56 * $0 }.filter { bytes[$0] == 1 }
        // The second segment moves onto the first.
        bytes[loads[1] + 17] = 0
        let moved = bytes
        let error = #expect(throws: PluginError.self) { try read(moved) }
        #expect(error?.message.contains("overlap") == true)
    }

    @Test func aStrippedImageIsRefusedWithAdvice() throws {
        let stripped = try GuestCompiler.image("hello", flags: ["-Wl,--strip-all"])
        let error = #expect(throws: PluginError.self) { try read(stripped) }
        #expect(error?.message.contains("--strip-all") == true)
        let plugin = try HarnessPlugin(file: processPlugin)
        #expect(throws: HarnessError.self) { try plugin.load(stripped) }
        #expect(throws: HarnessError.self) { try plugin.load([UInt8]("#!/bin/sh".utf8)) }
        #expect(throws: HarnessError.self) { try plugin.load([]) }
    }

    /// Where the system does not seal files, contents are copied: a file that somebody could write to is not mapped.
    @Test(arguments: [0, EINVAL]) func contentsAreCopiedWhereFilesAreNotSealed(error: Int32) throws {
        let range: Range<UInt64> = 0x10000..<0x10000 + (2 << 20)
        let contents = try ImageContents([range], wholePages: true, seal: { error == 0 ? dk_seal($0) : error }) {
            memset($1, 7, $0.count)
        }
        #expect((contents.file == nil) == (error != 0))
        let part = try #require(contents.parts.first)
        #expect(part.range == range)
        let bytes = UnsafeRawBufferPointer(start: contents.contents(of: part), count: part.count)
        #expect(bytes.allSatisfy { $0 == 7 })
    }
}
