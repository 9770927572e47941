internal import Glibc

/// Keeps names of this machine's files out of what clients are told: they help nobody who may not log in, and an attacker.
enum ServerPaths {
    /// The text with `[path]` in place of each absolute path. A word counts as one when its first part is there in the machine's
    /// root folder; paths of URLs are left alone.
    static func hidden(in text: String) -> String {
        guard text.utf8.contains(ASCII.slash) else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == ASCII.slash, index == 0 || isBoundary(bytes[index - 1]) {
                let end = bytes[index...].firstIndex(where: isBoundary) ?? bytes.count
                if isPath(bytes[index..<end]) {
                    result += Array("[path]".utf8)
                    index = end
                    continue
                }
            }
            result.append(bytes[index])
            index += 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func isPath(_ word: ArraySlice<UInt8>) -> Bool {
        let first = word.dropFirst().prefix { $0 != ASCII.slash }
        return topLevel.contains(String(decoding: first, as: UTF8.self))
    }

    /// What stands around a path in a message.
    private static func isBoundary(_ byte: UInt8) -> Bool {
        switch byte {
        case ...ASCII.space, ASCII.quote, UInt8(ascii: "'"), UInt8(ascii: "`"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "["), UInt8(ascii: "]"), ASCII.comma, ASCII.semicolon,
            ASCII.colon, ASCII.equals:
            true
        default: false
        }
    }

    private static let topLevel: Set<String> = {
        var names: Set<String> = []
        guard let folder = opendir("/") else { return names }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.insert(name) }
        }
        return names
    }()
}
