/// Where something stands in a text: line and column from 1, in code points.
public struct Place: Sendable, Equatable, Comparable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (left: Place, right: Place) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

extension [UInt8] {
    /// The line around a byte, two rows: cut to about a screen's width, and a caret below the byte. Tabs and other controls take
    /// one column, so that the caret stands right.
    public func excerpt(around offset: Int) -> String {
        let reach = 60
        var start = offset
        while start > 0, offset - start < reach, self[start - 1] != UInt8(ascii: "\n") { start -= 1 }
        while start < offset, Self.isContinuation(self[start]) { start += 1 }
        var end = offset
        while end < count, end - offset < reach, self[end] != UInt8(ascii: "\n") { end += 1 }
        while end > offset, end < count, Self.isContinuation(self[end]) { end -= 1 }
        let shown = self[start..<end].map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: " ") : $0 }
        let columns = self[start..<offset].reduce(0) { $0 + (Self.isContinuation($1) ? 0 : 1) }
        return "    \(String(decoding: shown, as: UTF8.self))\n    \(String(repeating: " ", count: columns))^"
    }

    /// A byte inside a UTF-8 sequence, not its first.
    public static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xc0 == 0x80 }
}
