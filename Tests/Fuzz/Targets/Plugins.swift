import PluginABI
import PluginElf
import PluginKit

@testable import HTTPCommPlugin

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

/// What a function may write for the HTTP client to send.
@Sendable func fuzzRequest(_ bytes: UnsafeRawBufferPointer) {
    guard let head = try? HTTPCommPlugin.RequestHead(bytes, maxRequest: 1 << 16) else { return }
    expect(head.body.upperBound == bytes.count, "a body ends elsewhere")
    expect(head.target.url.upperBound <= head.body.lowerBound, "a target lies in the body")
}

/// What a server answers: the first byte chooses between the lines of a head and a chunked body, and in what pieces it comes.
@Sendable func fuzzAnswer(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first else { return }
    let rest = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    if first & 1 == 0 { readHead(rest) } else { readChunks(rest, pieces: Int(first >> 1) + 1) }
}

private func readHead(_ bytes: UnsafeRawBufferPointer) {
    let lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map {
        UnsafeRawBufferPointer(rebasing: $0)
    }
    guard let status = lines.first, var head = try? AnswerHead(statusLine: status, .http1) else { return }
    expect((100...999).contains(head.status), "a status of other than three digits")
    for line in lines.dropFirst() where !line.isEmpty {
        guard (try? head.take(line)) != nil else { return }
    }
}

private func readChunks(_ bytes: UnsafeRawBufferPointer, pieces: Int) {
    var reader = ChunkReader()
    var data = 0
    for begin in stride(from: 0, to: bytes.count, by: pieces) {
        let piece = UnsafeRawBufferPointer(rebasing: bytes[begin..<min(begin + pieces, bytes.count)])
        var index = 0
        while index < piece.count, !reader.isDone {
            let before = index
            let found: UnsafeRawBufferPointer?
            do { found = try reader.next(in: piece, from: &index) } catch { return }
            guard let found else { break }
            data += found.count
            expect(index > before, "a piece that goes nowhere")
        }
    }
    expect(data <= bytes.count, "more data than came")
}
