internal import CPlatform

/// Walks over the parts of a multipart body (RFC 2046, 5.1.1).
///
/// Text before the first delimiter and after the last one is dropped, as the standard says, but not when a line of it begins
/// with two dashes: that is a part with another boundary, which the client believes to have sent.
struct MultipartScanner {
    struct Part {
        /// The lines before the empty one.
        var header: [Range<Int>]
        var content: Range<Int>
    }

    private let bytes: Bytes
    /// CR LF, two dashes and the boundary.
    private let delimiter: [UInt8]
    private var position = 0
    private var isAtEnd = false

    private static let mostLines = 32
    private static let longestLine = 16 << 10

    /// - Throws: 400 when the boundary does not appear.
    init(_ bytes: Bytes, boundary: Bytes) throws(Problem) {
        self.bytes = bytes
        delimiter = Array("\r\n--".utf8) + Array(boundary)
        let opening = delimiter.dropFirst(2)
        if bytes.part(0..<opening.count).elementsEqual(opening) {
            position = opening.count
        } else {
            guard let first = nextDelimiter(from: 0) else { throw .malformed("the boundary does not appear") }
            if let dashes = dashes(in: 0..<first + 2) {
                throw .malformed("text before the first boundary looks like another boundary", at: dashes)
            }
            position = first + delimiter.count
        }
        try endDelimiterLine()
    }

    mutating func next() throws(Problem) -> Part? {
        guard !isAtEnd else { return nil }
        let header = try readHeader()
        // The line end before a delimiter is the delimiter's; that behind the header may be the same (an empty part).
        guard let end = nextDelimiter(from: position - 2), end >= position - 2 else {
            throw .malformed("part does not end with the boundary", at: position)
        }
        let content = position..<max(position, end)
        position = end + delimiter.count
        try endDelimiterLine()
        return Part(header: header, content: content)
    }

    private mutating func readHeader() throws(Problem) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        while true {
            guard let lineFeed = bytes.firstIndex(of: ASCII.lineFeed, from: position), lineFeed > position,
                bytes[lineFeed - 1] == ASCII.carriageReturn
            else { throw .malformed("part header line does not end with CR LF", at: position) }
            let line = position..<lineFeed - 1
            position = lineFeed + 1
            if line.isEmpty { return lines }
            guard lines.count < Self.mostLines, line.count <= Self.longestLine, line.upperBound <= Int(UInt32.max)
            else { throw .malformed("part header is too long", at: line.lowerBound) }
            lines.append(line)
        }
    }

    /// Behind a delimiter: two dashes end the body, optional blanks and CR LF start a part.
    private mutating func endDelimiterLine() throws(Problem) {
        isAtEnd = bytes.part(position..<position + 2).equals("--")
        var index = position + (isAtEnd ? 2 : 0)
        while index < bytes.count, ASCII.isBlank(bytes[index]) { index += 1 }
        if isAtEnd, index >= bytes.count { return }
        guard bytes.part(index..<index + 2).equals("\r\n") else {
            throw .malformed("boundary is not followed by CR LF or two dashes", at: position)
        }
        position = index + 2
        if isAtEnd, let dashes = dashes(in: index..<bytes.count) {
            throw .malformed("text after the last boundary looks like another boundary", at: dashes)
        }
    }

    private func nextDelimiter(from start: Int) -> Int? { find(delimiter, in: start..<bytes.count) }

    /// Where a line that begins with two dashes starts.
    private func dashes(in range: Range<Int>) -> Int? {
        if range.lowerBound == 0, bytes.part(0..<2).equals("--") { return 0 }
        return find(Array("\n--".utf8), in: range).map { $0 + 1 }
    }

    private func find(_ wanted: [UInt8], in range: Range<Int>) -> Int? {
        guard let base = bytes.baseAddress, range.lowerBound >= 0, range.upperBound <= bytes.count else { return nil }
        // SAFETY: the range lies inside the bytes. Its time is linear, whatever the bytes are.
        let found = cp_find(base + range.lowerBound, range.count, wanted, wanted.count)
        return found.map { $0 - base }
    }
}
