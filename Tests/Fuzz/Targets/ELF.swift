import PluginABI
import PluginElf
import PluginKit

@Sendable func fuzzELF(_ bytes: UnsafeRawBufferPointer) {
    let addresses: Range<dn_gaddr> = 0x1000..<0x4000_0000
    guard let image = try? ElfImage(bytes: bytes, machine: .x86_64, addresses: addresses, symbols: ["exit"]) else {
        return
    }
    for segment in image.segments {
        expect(addresses.contains(segment.address) && segment.end <= addresses.upperBound, "a segment is elsewhere")
        expect(segment.fileOffset >= 0 && segment.fileOffset + segment.fileSize <= bytes.count, "outside of the file")
        expect(UInt64(segment.fileSize) <= segment.memorySize, "more in the file than in memory")
    }
    _ = try? image.protections(pageSize: 4096)
}
