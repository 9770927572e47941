internal import Items

/// multipart/form-data (RFC 7578) as item sets: a part is an item, its `name` the set's, its `filename` the item's, and
/// the part's header `Dandelion-Key` the key.
enum Multipart {
    static let mostParts = 100_000

    /// Sets in the order in which their names first appear; items are views of `body`.
    static func parse(_ body: Blob, contentType: Bytes) throws(Problem) -> [ItemSet] {
        guard let boundary = MediaType.parameter("boundary", of: contentType), (1...70).contains(boundary.count) else {
            throw .malformed("Content-Type names no boundary of 1 to 70 characters")
        }
        let bytes = Bytes(start: body.start, count: body.count)
        var scanner = Scanner(bytes: bytes, delimiter: Array("\r\n--".utf8) + Array(boundary))
        try scanner.skipPreamble()
        var sets: [ItemSet] = []
        var index: [String: Int] = [:]
        var parts = 0
        while let part = try scanner.next() {
            parts += 1
            guard parts <= mostParts else {
                throw .malformed("more than \(mostParts) parts", at: part.content.lowerBound)
            }
            let item = Item(
                ident: Blob(part.header.filename ?? ""), key: part.header.key, data: body.slice(part.content))
            if let known = index[part.header.name] {
                sets[known].items.append(item)
            } else {
                index[part.header.name] = sets.count
                sets.append(ItemSet(name: Blob(part.header.name), items: [item]))
            }
        }
        return sets
    }

    /// What the header lines of a part say.
    fileprivate struct PartHeader {
        var name = ""
        var filename: String?
        var key: UInt32 = 0
        var hasDisposition = false

        mutating func read(_ field: RequestHead.Field, of bytes: Bytes) throws(Problem) {
            let offset = Int(field.name.lowerBound)
            let name = bytes.part(Int(field.name.lowerBound)..<Int(field.name.upperBound))
            let value = bytes.part(Int(field.value.lowerBound)..<Int(field.value.upperBound))
            if name.equalsIgnoringCase("content-disposition") {
                guard MediaType.essence(value).equalsIgnoringCase("form-data"),
                    let set = MediaType.parameter("name", of: value)
                else { throw .malformed("part is not form-data with a name", at: offset) }
                self.name = Self.unescape(set)
                filename = MediaType.parameter("filename", of: value).map(Self.unescape)
                hasDisposition = true
            } else if name.equalsIgnoringCase("dandelion-key") {
                guard let number = value.decimal, let key = UInt32(exactly: number) else {
                    throw .malformed("Dandelion-Key is not a number below 2^32", at: offset)
                }
                self.key = key
            }
        }

        /// Undoes `\"` and, as browsers write it, `%22`, `%0D`, `%0A` (RFC 7578, 4.2).
        private static func unescape(_ bytes: Bytes) -> String {
            var result: [UInt8] = []
            var index = 0
            while index < bytes.count {
                let rest = bytes.part(index..<min(index + 3, bytes.count))
                if rest[0] == ASCII.backslash, rest.count > 1, rest[1] == ASCII.quote || rest[1] == ASCII.backslash {
                    result.append(rest[1])
                    index += 2
                } else if let byte: UInt8 = rest.equals("%22")
                    ? ASCII.quote
                    : rest.equals("%0D") ? ASCII.carriageReturn : rest.equals("%0A") ? ASCII.lineFeed : nil
                {
                    result.append(byte)
                    index += 3
                } else {
                    result.append(rest[0])
                    index += 1
                }
            }
            return String(decoding: result, as: UTF8.self)
        }
    }

    /// Walks over the parts between delimiters.
    fileprivate struct Scanner {
        let bytes: Bytes
        /// CR LF, two dashes and the boundary.
        let delimiter: [UInt8]
        var position = 0
        var isAtEnd = false

        /// To behind the first delimiter, whose CR LF is missing at the very start.
        mutating func skipPreamble() throws(Problem) {
            if startsWithDelimiter(at: 0, without: 2) {
                position = delimiter.count - 2
            } else {
                guard let first = nextDelimiter(from: 0) else { throw .malformed("the boundary does not appear") }
                position = first + delimiter.count
            }
            try endDelimiterLine()
        }

        mutating func next() throws(Problem) -> (header: PartHeader, content: Range<Int>)? {
            guard !isAtEnd else { return nil }
            let header = try readHeader()
            guard let end = nextDelimiter(from: position) else {
                throw .malformed("part does not end with the boundary", at: position)
            }
            let content = position..<end
            position = end + delimiter.count
            try endDelimiterLine()
            return (header, content)
        }

        private mutating func readHeader() throws(Problem) -> PartHeader {
            var header = PartHeader()
            var lines = 0
            while true {
                guard let lineFeed = bytes.firstIndex(of: ASCII.lineFeed, from: position), lineFeed > position,
                    bytes[lineFeed - 1] == ASCII.carriageReturn
                else { throw .malformed("part header line does not end with CR LF", at: position) }
                let line = position..<lineFeed - 1
                position = lineFeed + 1
                if line.isEmpty { break }
                lines += 1
                guard lines <= 32, line.count <= 16 << 10, line.upperBound <= Int(UInt32.max) else {
                    throw .malformed("part header is too long", at: line.lowerBound)
                }
                try header.read(try HeadParser.field(line, of: bytes), of: bytes)
            }
            guard header.hasDisposition else { throw .malformed("part has no Content-Disposition", at: position) }
            return header
        }

        /// Behind a delimiter: two dashes end the body, optional blanks and CR LF start a part.
        private mutating func endDelimiterLine() throws(Problem) {
            if bytes.part(position..<position + 2).equals("--") {
                isAtEnd = true
                return
            }
            var index = position
            while index < bytes.count, ASCII.isBlank(bytes[index]) { index += 1 }
            guard bytes.part(index..<index + 2).equals("\r\n") else {
                throw .malformed("boundary is not followed by CR LF or two dashes", at: position)
            }
            position = index + 2
        }

        private func nextDelimiter(from start: Int) -> Int? {
            var from = start
            while let found = bytes.firstIndex(of: ASCII.carriageReturn, from: from) {
                if startsWithDelimiter(at: found, without: 0) { return found }
                from = found + 1
            }
            return nil
        }

        private func startsWithDelimiter(at start: Int, without skipped: Int) -> Bool {
            let expected = delimiter.dropFirst(skipped)
            return bytes.part(start..<start + expected.count).elementsEqual(expected)
        }
    }

    /// 128 random bits, so that no data holds it.
    static func makeBoundary() -> String {
        var random = SystemRandomNumberGenerator()
        return "dandelion-" + String(random.next() as UInt64, radix: 16) + String(random.next() as UInt64, radix: 16)
    }

    /// A reply with one part for each item.
    static func write(_ sets: [ItemSet], boundary: String) -> OutputBuffer {
        let output = OutputBuffer()
        for set in sets {
            for item in set.items {
                output.append("--\(boundary)\r\nContent-Disposition: form-data; name=\"")
                output.append(escape(set.name))
                output.append("\"; filename=\"")
                output.append(escape(item.ident))
                output.append("\"\r\nDandelion-Key: \(item.key)\r\nContent-Type: application/octet-stream\r\n\r\n")
                output.append(item.data)
                output.append("\r\n")
            }
        }
        output.append("--\(boundary)--\r\n")
        return output
    }

    private static func escape(_ name: Blob) -> [UInt8] {
        name.withUnsafeBytes { bytes in
            var result: [UInt8] = []
            for byte in bytes {
                switch byte {
                case ASCII.quote: result += Array("%22".utf8)
                case ASCII.carriageReturn: result += Array("%0D".utf8)
                case ASCII.lineFeed: result += Array("%0A".utf8)
                default: result.append(byte)
                }
            }
            return result
        }
    }
}
