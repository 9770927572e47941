public import Failure
internal import Values

/// A line of an audit log: an object of JSON that ends with the SHA-256 of the hash of the line before and of all that stands
/// before it in its own line.
enum AuditLine {
    /// What comes before the first line that ever was.
    static let beginning = String(repeating: "0", count: 64)
    private static let member = #","hash":""#
    private static let ending = member.utf8.count + 64 + 2

    /// - Parameter open: the object without its closing brace.
    /// - Returns: the line with its end, and its hash.
    static func sealed(_ open: [UInt8], after previous: String) -> (line: [UInt8], hash: String) {
        let hash = hash(open, after: previous)
        return (open + Array("\(member)\(hash)\"}\n".utf8), hash)
    }

    /// - Parameter line: without its end.
    /// - Returns: its hash; nil when it is not what was written after `previous`.
    static func hash(of line: ArraySlice<UInt8>, after previous: String) -> String? {
        guard let told = told(by: line), hash(Array(line.dropLast(ending)), after: previous) == told else { return nil }
        return told
    }

    /// The hash that a line tells of itself.
    static func told(by line: ArraySlice<UInt8>) -> String? {
        guard line.count > ending, line.suffix(2).elementsEqual("\"}".utf8),
            line.suffix(ending).starts(with: member.utf8)
        else { return nil }
        let text = String(decoding: line.dropLast(2).suffix(64), as: UTF8.self)
        return Digest(hexadecimal: text) == nil ? nil : text
    }

    /// The hash that the first line of a file says it follows.
    static func previous(of line: ArraySlice<UInt8>) -> String? {
        guard let value = try? JSONReader.read(bytes: Array(line)) else { return nil }
        return value["previous"]?.text
    }

    private static func hash(_ open: [UInt8], after previous: String) -> String {
        (Array(previous.utf8) + open).withUnsafeBytes { Digest(of: $0).hexadecimal }
    }
}

/// Reads audit logs and finds out whether they are as they were written.
public struct AuditVerifier {
    public private(set) var entries = 0
    /// The hash of the last line; who keeps it elsewhere knows that nothing before it was changed or cut off.
    public private(set) var last: String?

    /// Whether a line had the hash that was looked for.
    public private(set) var hasFound = false
    private let wanted: String?

    public init(looksFor wanted: String? = nil) { self.wanted = wanted }

    /// Goes on with a file that follows those before.
    /// - Parameter name: as errors call it.
    /// - Throws: `.invalid` naming the first line that is not as it was written.
    public mutating func read(_ bytes: [UInt8], _ name: String) throws(Failure) {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.popLast()?.isEmpty == true else {
            throw Failure(
                .invalid, "\(name) does not end with a whole line: the node was killed, or somebody cut it off")
        }
        for (index, line) in lines.enumerated() {
            func wrong(_ why: String) -> Failure { Failure(.invalid, "\(name), line \(index + 1): \(why)") }
            if index == 0 {
                guard let previous = AuditLine.previous(of: line) else {
                    throw wrong("it is no first line of an audit log")
                }
                guard last == nil || last == previous else { throw wrong("it does not follow the file before") }
                last = previous
            }
            guard let hash = AuditLine.hash(of: line, after: last ?? AuditLine.beginning) else {
                throw wrong("it was changed, or lines before it are gone or new")
            }
            last = hash
            if hash == wanted { hasFound = true }
            entries += 1
        }
    }
}
