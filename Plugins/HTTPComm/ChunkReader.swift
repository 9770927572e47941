/// Takes a chunked body apart as it arrives (RFC 9112 section 7.1). libcurl follows the same bytes to know where the answer
/// ends, but forgives almost anything between a size and its line's end: `0x5` would be a last chunk.
struct ChunkReader: ~Copyable {
    /// A size with its extensions.
    static let longestSizeLine = 256
    /// A little below libcurl's own limit (DYN_H1_TRAILER), which it tells as no memory.
    static let longestTrailer = 4000
    static let mostTrailers = 128
    static let mostTrailerBytes = 64 << 10
    /// What sizes and extensions may take beyond 16 bytes a chunk and twice its data.
    private static let mostExcess = 64 << 10

    private enum State {
        case size, extensions, sizeLF, data, dataCR, dataLF, trailer, trailerLF, done
    }

    private var state = State.size
    private var digits = 0
    private var size = 0
    /// Bytes of the present size line.
    private var line = 0
    private var excess = 0
    private var trailer = ByteBuffer()
    private var trailers = 0
    private var trailerBytes = 0

    /// The last chunk and the trailers are there.
    var isDone: Bool { state == .done }

    mutating func restart() {
        (state, digits, size, line, excess, trailers, trailerBytes) = (.size, 0, 0, 0, 0, 0, 0)
        trailer.clear()
    }

    /// The next piece of data in `bytes` at or behind `index`, which moves behind it; nil when there is none.
    mutating func next(in bytes: Bytes, from index: inout Int) throws(AnswerFault) -> Bytes? {
        while index < bytes.count {
            switch state {
            case .data:
                let piece = bytes.part(index..<(index + min(size, bytes.count - index)))
                index += piece.count
                size -= piece.count
                if size == 0 { state = .dataCR }
                return piece
            case .trailer:
                index += try takeTrailer(bytes.part(index..<bytes.count))
            default:
                if state == .size, digits == 0, let piece = takeTinyChunk(in: bytes, from: &index) { return piece }
                try take(bytes[index])
                index += 1
            }
        }
        return nil
    }

    /// The data of a chunk of 1 to 15 bytes that is there as a whole, and as most are written. A server may send hundreds of
    /// thousands of them at once, which byte by byte would take tens of milliseconds.
    private mutating func takeTinyChunk(in bytes: Bytes, from index: inout Int) -> Bytes? {
        guard bytes.count - index >= 6, let size = ASCII.hexDigit(bytes[index]), size > 0 else { return nil }
        let data = index + 3
        let end = data + size
        guard end + 2 <= bytes.count, bytes[index + 1] == ASCII.cr, bytes[index + 2] == ASCII.lf,
            bytes[end] == ASCII.cr, bytes[end + 1] == ASCII.lf
        else { return nil }
        excess = max(0, excess - 14 - 2 * size)
        index = end + 2
        return bytes.part(data..<end)
    }

    private mutating func take(_ byte: UInt8) throws(AnswerFault) {
        switch state {
        case .size: try takeSize(byte)
        case .extensions: try takeExtension(byte)
        case .sizeLF:
            try expect(ASCII.lf, byte, "behind a chunk's size")
            try endSizeLine()
        case .dataCR:
            try expect(ASCII.cr, byte, "behind a chunk's data")
            state = .dataLF
        case .dataLF:
            try expect(ASCII.lf, byte, "behind a chunk's data")
            (state, digits, line) = (.size, 0, 0)
        case .trailerLF:
            try expect(ASCII.lf, byte, "behind a trailer line")
            try endTrailer()
        case .done: throw .malformed("bytes follow the end of the chunked body")
        case .data, .trailer: break  // taken in runs
        }
    }

    private func expect(_ wanted: UInt8, _ byte: UInt8, _ place: String) throws(AnswerFault) {
        guard byte == wanted else { throw .malformed("the line end \(place) is missing (byte \(byte))") }
    }

    private mutating func countLine() throws(AnswerFault) {
        line += 1
        guard line <= Self.longestSizeLine else {
            throw .tooLarge("a chunk's size line is longer than \(Self.longestSizeLine) bytes")
        }
    }

    private mutating func takeSize(_ byte: UInt8) throws(AnswerFault) {
        try countLine()
        if let digit = ASCII.hexDigit(byte) {
            let (value, overflow) = size.multipliedReportingOverflow(by: 16)
            // libcurl reads no more digits.
            guard !overflow, digits < 16 else { throw .malformed("a chunk's size overflows") }
            size = digits == 0 ? digit : value + digit
            digits += 1
            return
        }
        guard digits > 0 else { throw .malformed("byte \(byte) stands where a chunk's size should begin") }
        switch byte {
        case ASCII.cr: state = .sizeLF
        case UInt8(ascii: ";"): state = .extensions
        default: throw .malformed("byte \(byte) stands in a chunk's size")
        }
    }

    private mutating func takeExtension(_ byte: UInt8) throws(AnswerFault) {
        try countLine()
        if byte == ASCII.cr {
            state = .sizeLF
        } else if byte < ASCII.space && byte != ASCII.tab || byte == 0x7F {
            throw .malformed("a chunk's extension has the control character \(byte)")
        }
    }

    private mutating func endSizeLine() throws(AnswerFault) {
        guard size > 0 else {
            state = .trailer
            return
        }
        excess = max(0, excess + line - 16 - 2 * min(size, 1 << 20))
        guard excess <= Self.mostExcess else {
            throw .tooLarge("the chunked body has more extensions than data")
        }
        state = .data
    }

    /// - Returns: the bytes taken, the CR that ends the line among them.
    private mutating func takeTrailer(_ bytes: Bytes) throws(AnswerFault) -> Int {
        let end = bytes.firstIndex(of: ASCII.cr, in: 0..<bytes.count)
        let part = bytes.part(0..<(end ?? bytes.count))
        guard part.count <= Self.longestTrailer - trailer.count else {
            throw .tooLarge("a trailer line is longer than \(Self.longestTrailer) bytes")
        }
        trailerBytes += part.count
        guard trailerBytes <= Self.mostTrailerBytes else {
            throw .tooLarge("the answer's trailers are longer than \(Self.mostTrailerBytes) bytes together")
        }
        guard trailer.append(part) else { throw .noMemory }
        guard part.firstIndex(of: ASCII.lf, in: 0..<part.count) == nil else {
            throw .malformed("a trailer line ends without a carriage return")
        }
        guard let end else { return bytes.count }
        state = .trailerLF
        return end + 1
    }

    private mutating func endTrailer() throws(AnswerFault) {
        guard trailer.count > 0 else {
            state = .done
            return
        }
        trailers += 1
        guard trailers <= Self.mostTrailers else {
            throw .tooLarge("the answer has more than \(Self.mostTrailers) trailer lines")
        }
        _ = try AnswerHead.field(trailer.bytes)
        trailer.clear()
        state = .trailer
    }
}

extension ASCII {
    static func hexDigit(_ byte: UInt8) -> Int? {
        if isDigit(byte) { return Int(byte & 0xF) }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? Int(letter) + 10 : nil
    }
}
