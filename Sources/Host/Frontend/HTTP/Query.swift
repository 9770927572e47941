/// Percent-encoding (RFC 3986, 2.1) and the parameters of a query.
enum Query {
    /// Nil: a broken escape, or bytes that are not UTF-8.
    static func decode(_ bytes: Bytes, plusIsSpace: Bool = false) -> String? {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                guard index + 1 < bytes.count, let high = ASCII.hexValue(bytes[index]),
                    let low = ASCII.hexValue(bytes[index + 1])
                else { return nil }
                result.append(high << 4 | low)
                index += 2
            } else {
                result.append(plusIsSpace && byte == UInt8(ascii: "+") ? ASCII.space : byte)
            }
        }
        return String(validating: result, as: UTF8.self)
    }

    /// Parameters by name; one that is not in `known`, or given twice, is refused: it would be a mistake unseen.
    static func parameters(_ query: Bytes, known: [String]) throws(Problem) -> [String: String] {
        var result: [String: String] = [:]
        var problem: Problem?
        query.forEachPiece(separatedBy: UInt8(ascii: "&")) { piece in
            guard piece.count > 0 else { return true }
            let equals = piece.firstIndex(of: ASCII.equals, from: 0) ?? piece.count
            guard let name = decode(piece.part(0..<equals), plusIsSpace: true),
                let value = decode(piece.part(min(equals + 1, piece.count)..<piece.count), plusIsSpace: true)
            else {
                problem = .malformed("query parameter '\(piece.text)' is not percent-encoded UTF-8")
                return false
            }
            if !known.contains(name) {
                problem = .malformed("no parameter '\(name)'; there are: \(known.joined(separator: ", "))")
            } else if result.updateValue(value, forKey: name) != nil {
                problem = .malformed("parameter '\(name)' is given twice")
            }
            return problem == nil
        }
        if let problem { throw problem }
        return result
    }
}
