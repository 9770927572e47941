internal import Failure
internal import Items
internal import Memory

/// multipart/form-data (RFC 7578) as item sets: a part is an item, its `name` the set's, its `filename` the item's, and
/// the part's header `Dandelion-Key` the key.
enum Multipart {
    /// Sets in the order in which their names first appear; items are views of `body`.
    static func parse(_ body: Blob, contentType: Bytes, account: MemoryAccount) throws(Problem) -> DecodedSets {
        let parameters = try MediaType.parameters(of: contentType)
        guard let boundary = parameters["boundary"], (1...70).contains(boundary.count) else {
            throw .malformed("Content-Type names no boundary of 1 to 70 characters")
        }
        let bytes = Bytes(start: body.start, count: body.count)
        var scanner = try MultipartScanner(bytes, boundary: boundary)
        var counter = ItemCounter(account)
        var sets: [ItemSet] = []
        var index: [String: Int] = [:]
        while let part = try scanner.next() {
            try counter.add()
            let header = try PartHeader(part.header, of: bytes)
            let item = Item(ident: Blob(header.filename), key: header.key, data: body.slice(part.content))
            if let known = index[header.name] {
                sets[known].items.append(item)
            } else {
                try counter.add()
                index[header.name] = sets.count
                sets.append(ItemSet(name: Blob(header.name), items: [item]))
            }
        }
        return DecodedSets(sets: sets, charge: counter.charge)
    }

    /// What the header lines of a part say.
    private struct PartHeader {
        private(set) var name = ""
        private(set) var filename = ""
        private(set) var key: UInt32 = 0

        init(_ lines: [Range<Int>], of bytes: Bytes) throws(Problem) {
            var hasDisposition = false
            var hasKey = false
            for line in lines {
                let field = try HeadParser.field(line, of: bytes)
                let name = bytes.part(Int(field.name.lowerBound)..<Int(field.name.upperBound))
                let value = bytes.part(Int(field.value.lowerBound)..<Int(field.value.upperBound))
                if name.equalsIgnoringCase("content-disposition") {
                    guard !hasDisposition else { throw .doubled("Content-Disposition", at: line.lowerBound) }
                    hasDisposition = true
                    try readDisposition(value, at: line.lowerBound)
                } else if name.equalsIgnoringCase("dandelion-key") {
                    guard !hasKey else { throw .doubled("Dandelion-Key", at: line.lowerBound) }
                    hasKey = true
                    guard let number = value.decimal, let key = UInt32(exactly: number) else {
                        throw .malformed("Dandelion-Key is not a number below 2^32", at: line.lowerBound)
                    }
                    self.key = key
                } else if name.equalsIgnoringCase("content-transfer-encoding") {
                    // RFC 7578, 4.7: not to be used; what is not encoded is no matter.
                    guard ["binary", "8bit", "7bit"].contains(where: { value.equalsIgnoringCase($0) }) else {
                        throw .malformed("the node knows no Content-Transfer-Encoding", at: line.lowerBound)
                    }
                }
            }
            guard hasDisposition else {
                throw .malformed("part has no Content-Disposition", at: lines.first?.lowerBound ?? 0)
            }
        }

        private mutating func readDisposition(_ value: Bytes, at offset: Int) throws(Problem) {
            let parameters: MediaType.Parameters
            do throws(Problem) { parameters = try MediaType.parameters(of: value) } catch {
                throw .malformed("Content-Disposition: \(error.detail)", at: offset)
            }
            guard MediaType.essence(value).equalsIgnoringCase("form-data"), let set = parameters["name"] else {
                throw .malformed("part is not form-data with a name", at: offset)
            }
            name = try Self.identifier(set, "name", at: offset)
            filename =
                try parameters["filename"].map { (value) throws(Problem) in
                    try Self.identifier(value, "filename", at: offset)
                } ?? ""
        }

        /// Undoes `\"` and, as browsers write it, `%22`, `%0D`, `%0A` (RFC 7578, 4.2).
        private static func identifier(_ bytes: Bytes, _ what: String, at offset: Int) throws(Problem) -> String {
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
            if let objection = result.withUnsafeBytes({ Identifier.objection(to: $0) }) {
                throw .malformed("the \(what) of a part \(objection)", at: offset)
            }
            return String(decoding: result, as: UTF8.self)
        }
    }

    /// 128 random bits, so that no data holds it.
    static func makeBoundary() -> String {
        var random = SystemRandomNumberGenerator()
        return "dandelion-" + String(random.next() as UInt64, radix: 16) + String(random.next() as UInt64, radix: 16)
    }

    /// A reply with one part for each item.
    /// - Throws: `.busy` or `.memory` when there is no room for it.
    static func write(_ sets: [ItemSet], boundary: String, to output: OutputBuffer) throws(Failure) {
        try output.reserve(most(sets, boundary))
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
    }

    /// Bytes that are copied for a reply, at most: names may be three times as long when they are escaped, repaired ones too.
    private static func most(_ sets: [ItemSet], _ boundary: String) -> Int {
        let frame = boundary.utf8.count + 160
        return sets.reduce(frame - OutputBuffer.referred(in: sets)) { sum, set in
            set.items.reduce(sum) { $0 + frame + 3 * (set.name.count + $1.ident.count) + $1.data.count }
        }
    }

    /// As browsers write names, and so that no name can end its line or be taken for another: a function may name its outputs
    /// by any bytes.
    private static func escape(_ name: Blob) -> [UInt8] {
        var result: [UInt8] = []
        for byte in name.text.utf8 {
            if byte < 0x20 || byte == 0x7f || byte == ASCII.quote {
                result += [UInt8(ascii: "%"), hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]]
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static let hexDigits = Array("0123456789ABCDEF".utf8)
}

extension Problem {
    fileprivate static func doubled(_ field: StaticString, at offset: Int) -> Problem {
        .malformed("part has more than one \(field)", at: offset)
    }
}
