/// Decodes the chunked coding (RFC 9112, 7.1): extensions and trailers are read, checked and dropped.
struct ChunkedDecoder {
    private enum State {
        case size, sizeDigits, sizeEnd, extensions, sizeLineFeed
        case data
        case dataReturn, dataLineFeed
        case trailerStart, trailer, trailerLineFeed, lastLineFeed
        case done
    }

    private var state = State.size
    private var remaining = 0
    private var overhead = 0
    private var excess = 0
    private var trailerLine: [UInt8] = []

    var isDone: Bool { state == .done }

    /// Appends the data in `bytes` to `body`.
    /// - Returns: how many bytes were used: all of them unless the body is complete.
    mutating func decode(_ bytes: Bytes, limits: Limits, into body: inout GrowingBytes) throws(Problem) -> Int {
        var index = 0
        while index < bytes.count, state != .done {
            if state == .data {
                let count = min(remaining, bytes.count - index)
                try body.append(bytes.part(index..<index + count))
                remaining -= count
                index += count
                if remaining == 0 { state = .dataReturn }
            } else {
                try step(bytes[index], limits: limits, bodyCount: body.count)
                index += 1
            }
        }
        return index
    }

    private mutating func step(_ byte: UInt8, limits: Limits, bodyCount: Int) throws(Problem) {
        switch state {
        case .size, .sizeDigits, .sizeEnd, .extensions: try sizeLine(byte, limits: limits, bodyCount: bodyCount)
        case .sizeLineFeed:
            try expect(byte, ASCII.lineFeed)
            excess = max(0, excess + overhead - 16 - 2 * remaining)
            guard excess <= Self.mostExcess else {
                throw .malformed("chunk extensions take more than the data that they come with")
            }
            overhead = 0
            state = remaining == 0 ? .trailerStart : .data
        case .dataReturn:
            try expect(byte, ASCII.carriageReturn)
            state = .dataLineFeed
        case .dataLineFeed:
            try expect(byte, ASCII.lineFeed)
            state = .size
        case .trailerStart, .trailer, .trailerLineFeed, .lastLineFeed: try trailer(byte, limits: limits)
        case .data, .done: break
        }
    }

    private mutating func sizeLine(_ byte: UInt8, limits: Limits, bodyCount: Int) throws(Problem) {
        overhead += 1
        guard overhead <= Self.longestSizeLine else { throw .malformed("chunk size line is too long") }
        if state == .size || state == .sizeDigits, let digit = ASCII.hexValue(byte) {
            remaining = remaining << 4 | Int(digit)
            // Before the next shift could overflow.
            guard remaining <= limits.body - bodyCount else { throw .bodyTooLarge(limits) }
            state = .sizeDigits
            return
        }
        guard state != .size else { throw .malformed("chunk without a size") }
        switch byte {
        case ASCII.carriageReturn: state = .sizeLineFeed
        case _ where state == .extensions && ASCII.isFieldValue(byte): break
        case ASCII.semicolon: state = .extensions
        case ASCII.space, ASCII.tab: state = .sizeEnd
        default: throw .malformed("chunk size is not a hexadecimal number")
        }
    }

    private mutating func trailer(_ byte: UInt8, limits: Limits) throws(Problem) {
        overhead += 1
        guard overhead <= limits.head else {
            throw Problem(.headerFieldsTooLarge, "tooLarge", "trailer fields exceed \(limits.head) bytes")
        }
        switch (state, byte) {
        case (.trailerStart, ASCII.carriageReturn): state = .lastLineFeed
        case (.lastLineFeed, _):
            try expect(byte, ASCII.lineFeed)
            state = .done
        case (.trailer, ASCII.carriageReturn): state = .trailerLineFeed
        case (.trailerLineFeed, _):
            try expect(byte, ASCII.lineFeed)
            try checkTrailer()
            state = .trailerStart
        default:
            trailerLine.append(byte)
            state = .trailer
        }
    }

    private mutating func checkTrailer() throws(Problem) {
        let line = trailerLine
        trailerLine.removeAll(keepingCapacity: true)
        do {
            try line.withUnsafeBytes { bytes in _ = try HeadParser.field(0..<bytes.count, of: bytes) }
        } catch let problem as Problem {
            throw .malformed("trailer: \(problem.detail)")
        } catch {
            throw .malformed("trailer")
        }
    }

    private func expect(_ byte: UInt8, _ expected: UInt8) throws(Problem) {
        guard byte == expected else { throw .malformed("chunk does not end with CR LF") }
    }

    private static let longestSizeLine = 1024
    /// What size lines may take beyond 16 bytes a chunk and twice its data.
    private static let mostExcess = 64 << 10
}
