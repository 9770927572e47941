internal import Glibc
internal import PluginKit

typealias Bytes = UnsafeRawBufferPointer

/// Growable bytes whose storage is kept between uses. Appending fails, instead of trapping, when memory is
/// short.
struct ByteBuffer: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>?
    private(set) var count = 0
    private var capacity = 0
    /// Where what is written is charged, if anywhere; it gives back what was charged.
    private var charge: HostCharge?
    private var charged = 0

    /// Bytes are charged in steps of this.
    private static let step = 64 << 10

    init(_ charge: HostCharge? = nil) { self.charge = charge }

    deinit { free(base) }

    var bytes: Bytes { Bytes(start: base, count: count) }
    /// The storage, valid until the next change.
    var mutableBase: UnsafeMutablePointer<UInt8>? { base }

    /// Empties the buffer, and frees storage of more than `kept` bytes.
    mutating func clear(keeping kept: Int = .max) {
        count = 0
        guard capacity > kept else { return }
        free(base)
        base = nil
        capacity = 0
    }

    /// Empties the buffer; storage of more than `kept` bytes is the caller's to free from now on.
    mutating func takeStorage(keeping kept: Int) -> (base: UnsafeMutablePointer<UInt8>, capacity: Int)? {
        count = 0
        guard let base, capacity > kept else { return nil }
        defer { (self.base, capacity) = (nil, 0) }
        return (base, capacity)
    }

    /// What was charged has been given back, and storage that is left is not charged any more.
    mutating func forgetCharge() { charged = 0 }

    /// Charges for `more` bytes that are about to be written; room that nothing is written to takes no memory.
    private mutating func pay(_ more: Int) -> Bool {
        let (needed, wrapped) = count.addingReportingOverflow(more)
        guard let charge, needed > charged else { return !wrapped }
        let missing = needed - charged
        let inSteps = (missing + Self.step - 1) / Self.step * Self.step
        for bytes in [inSteps, missing] where charge.take(bytes) {
            charged += bytes
            return true
        }
        return false
    }

    /// Makes room for `more` bytes. False when there is no memory.
    mutating func reserve(_ more: Int) -> Bool {
        let (needed, wrapped) = count.addingReportingOverflow(more)
        guard !wrapped else { return false }
        if needed <= capacity { return true }
        let wanted = max(needed, capacity < 1 << 40 ? capacity &* 2 : needed, 512)
        // SAFETY: base came from realloc or is nil; it is replaced only when realloc succeeds.
        guard let grown = realloc(base, wanted) else { return false }
        base = grown.assumingMemoryBound(to: UInt8.self)
        capacity = wanted
        return true
    }

    mutating func append(_ bytes: Bytes) -> Bool {
        guard pay(bytes.count), reserve(bytes.count) else { return false }
        if let base, let source = bytes.baseAddress {
            // SAFETY: reserve made room for bytes.count behind count.
            memcpy(base + count, source, bytes.count)
            count &+= bytes.count
        }
        return true
    }

    mutating func append(_ byte: UInt8) -> Bool {
        guard pay(1), reserve(1), let base else { return false }
        // SAFETY: reserve made room for one byte behind count.
        base[count] = byte
        count &+= 1
        return true
    }

    mutating func append(_ text: StaticString) -> Bool {
        append(Bytes(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func removeLast() { count = max(0, count - 1) }

    /// Puts `other` of each byte at and behind `start` in its place.
    mutating func replace(from start: Int, by other: (UInt8) -> UInt8) {
        guard let base else { return }
        // SAFETY: index is below count.
        for index in start..<count { base[index] = other(base[index]) }
    }
}

/// ASCII classes and comparisons of HTTP (RFC 9110 section 5.6).
enum ASCII {
    static let space: UInt8 = 0x20
    static let tab: UInt8 = 0x09
    static let cr: UInt8 = 0x0D
    static let lf: UInt8 = 0x0A
    static let colon: UInt8 = 0x3A

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    static func lower(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// A character of a token: method and header names (RFC 9110 section 5.6.2).
    static func isToken(_ byte: UInt8) -> Bool {
        if isDigit(byte) || isLetter(byte) { return true }
        switch byte {
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            return true
        default: return false
        }
    }

    /// Whether `bytes` spell `text`, which is in lower case, in any case.
    static func matches(_ bytes: Bytes, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<bytes.count where lower(bytes[index]) != text.utf8Start[index] { return false }
        return true
    }

    static func isEqual(_ bytes: Bytes, _ text: StaticString) -> Bool {
        bytes.count == text.utf8CodeUnitCount && hasPrefix(bytes, text)
    }

    static func hasPrefix(_ bytes: Bytes, _ text: StaticString) -> Bool {
        guard let base = bytes.baseAddress, bytes.count >= text.utf8CodeUnitCount else { return false }
        // SAFETY: both hold that many bytes.
        return memcmp(base, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    /// Texts for messages: bytes as they are where printable, `?` elsewhere, cut at 80.
    static func printable(_ bytes: Bytes) -> String {
        let shown = bytes.prefix(80).map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(decoding: shown, as: UTF8.self) + (bytes.count > 80 ? "…" : "")
    }
}

extension UnsafeRawBufferPointer {
    /// The part of these bytes at `range`, which lies within them.
    func part(_ range: Range<Int>) -> Bytes { Bytes(rebasing: self[range]) }

    func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        guard let baseAddress, !range.isEmpty,
            // SAFETY: callers pass a range within these bytes.
            let found = memchr(baseAddress + range.lowerBound, Int32(byte), range.count)
        else { return nil }
        return UnsafeRawPointer(found) - baseAddress
    }
}
