import CCHERI
import Foundation
import PluginElf
import PluginKit

@testable import CHERICore

/// The structs of Machine/machine.h, and one request and its response.
extension EmulatedMachine {
    static let contextBase: UInt64 = 0x5000_0000

    struct Request: BitwiseCopyable {
        var op: UInt64 = 1
        var call = cheri_call()
        var rounds: UInt64 = 1
        var nanoseconds: UInt64 = 0
        var maps: UInt64 = 0
        var extents: UInt64 = 0
    }

    struct Triple: BitwiseCopyable { var begin, end, rights: UInt64 }
    struct Extent: BitwiseCopyable { var offset, bytes: UInt64 }

    struct Response: BitwiseCopyable {
        var status: Int64 = 0
        var damage: UInt64 = 0
        var rounds: UInt64 = 0
        var fault = cheri_fault()
        var syndrome: UInt64 = 0
    }

    static let crashed: Int64 = -100

    private func sendValue<T: BitwiseCopyable>(_ value: T) throws { try withUnsafeBytes(of: value) { try send($0) } }

    /// Runs a context and brings its memory up to date. `call` is the entry's unless a test wants another.
    func run(
        _ entry: Entry, call: cheri_call? = nil, rounds: UInt64 = 1, nanoseconds: UInt64 = 0, opensPages: Bool = false
    ) throws -> Response {
        let memory = entry.layout.memory
        let open = PageRange(begin: 0, end: entry.layout.size, rights: [.read, .write, .execute])
        let maps = opensPages ? [open] : memory + entry.protections
        let pieces = memory.flatMap { filled(entry.memory, $0) }
        try sendValue(
            Request(
                call: call ?? entry.call(at: Self.contextBase), rounds: rounds, nanoseconds: nanoseconds,
                maps: UInt64(maps.count), extents: UInt64(pieces.count)))
        for map in maps { try sendValue(Triple(begin: map.begin, end: map.end, rights: UInt64(map.rights.rawValue))) }
        for piece in pieces {
            try sendValue(piece)
            try send(UnsafeRawBufferPointer(start: entry.memory + Int(piece.offset), count: Int(piece.bytes)))
        }
        let response = try receive(Response())
        for range in memory {
            madvise(entry.memory + Int(range.begin), Int(range.end - range.begin), MADV_DONTNEED)
        }
        while case let extent = try receive(Extent(offset: 0, bytes: 0)), extent.bytes > 0 {
            let inside = memory.contains { $0.begin <= extent.offset && extent.offset + extent.bytes <= $0.end }
            guard inside else { throw Gone(description: "the machine sent memory from outside the context") }
            try receive(
                UnsafeMutableRawBufferPointer(start: entry.memory + Int(extent.offset), count: Int(extent.bytes)))
        }
        return response
    }

    /// What RRLEN and RRMASK make of a length.
    func representable(_ length: UInt64) throws -> (length: UInt64, mask: UInt64) {
        var request = Request(op: 2)
        request.call.data_bytes = length
        try sendValue(request)
        let response = try receive(Response())
        _ = try receive(Extent(offset: 0, bytes: 0))
        return (UInt64(bitPattern: response.status), response.damage)
    }

    /// Runs of pages that are not zero.
    private func filled(_ base: UnsafeMutableRawPointer, _ range: PageRange) -> [Extent] {
        var extents: [Extent] = []
        let page = Int(ContextLayout.page)
        for offset in stride(from: Int(range.begin), to: Int(range.end), by: page) {
            let words = UnsafeRawBufferPointer(start: base + offset, count: page).bindMemory(to: UInt64.self)
            guard words.contains(where: { $0 != 0 }) else { continue }
            if let last = extents.last, last.offset + last.bytes == UInt64(offset) {
                extents[extents.count - 1].bytes += UInt64(page)
            } else {
                extents.append(Extent(offset: UInt64(offset), bytes: UInt64(page)))
            }
        }
        return extents
    }
}
