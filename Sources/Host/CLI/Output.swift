internal import ArgumentParser
internal import Glibc
internal import Platform

/// Standard output and standard error, written at once and completely.
enum Output {
    static func line(_ text: String) { write(1, Array((text + "\n").utf8)) }

    static func bytes(_ bytes: [UInt8]) { write(1, bytes) }

    static func errorBytes(_ bytes: [UInt8]) { write(2, bytes) }

    /// What a function gave: to a file or pipe as it is, to a terminal if it is text.
    static func result(_ bytes: [UInt8]) {
        guard isatty(1) == 1 else { return write(1, bytes) }
        if isText(bytes) {
            write(1, bytes.isEmpty || bytes.last == 0x0A ? bytes : bytes + [0x0A])
        } else {
            note(
                "dandelion: a result of \(bytes.count) bytes that is no text; send it to a file or pipe, or use --json")
        }
    }

    /// Whether a terminal shows these bytes as they are: UTF-8 without control characters, which could drive it.
    private static func isText(_ bytes: [UInt8]) -> Bool {
        guard let text = String(validating: bytes, as: UTF8.self) else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control || [0x09, 0x0A, 0x0D].contains(scalar.value)
        }
    }

    static func note(_ text: String) { write(2, Array((text + "\n").utf8)) }

    /// Columns as wide as their widest cell, two spaces apart.
    static func table(_ rows: [[String]], to line: (String) -> Void = Output.line) {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }
            line(cells.joined(separator: "  "))
        }
    }

    private static func write(_ descriptor: Int32, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { all in
            var rest = all[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest)
                // SAFETY: part has part.count readable bytes.
                let count = Glibc.write(descriptor, part.baseAddress, part.count)
                if count < 0, errno == EINTR { continue }
                // Nobody listens any more: there is no one left to tell.
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }
}

/// Files that the user names; "-" is standard input.
enum Input {
    static func read(_ path: String) throws -> [UInt8] {
        do throws(WholeFile.Failed) {
            return path == "-" ? try WholeFile.read(0) : try WholeFile.read(path)
        } catch {
            Output.note("dandelion: \(path): \(String(cString: strerror(error.errorNumber)))")
            throw ExitCode.noInput
        }
    }

    /// The names of a folder's files, sorted; none when it cannot be read.
    static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            // SAFETY: d_name is NUL-terminated inside the entry, which lives until the next readdir.
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            names.append(name)
        }
        return names.sorted()
    }

    /// `path` from the root of the file system, as far as text can tell.
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let here = getcwd(nil, 0) else { return path }
        defer { free(here) }
        // SAFETY: getcwd(3) gives a NUL-terminated text, which is freed afterwards.
        return String(cString: here) + "/" + path
    }
}
