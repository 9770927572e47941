internal import ArgumentParser
internal import Glibc
internal import Items

/// A set of a function and a file or folder of this machine: SET=PATH.
struct SetFolder: ExpressibleByArgument {
    var set: String
    var path: String

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else { return nil }
        set = String(argument[..<equals])
        path = String(argument[argument.index(after: equals)...])
        if path.isEmpty || set.contains("/") { return nil }
    }

}

/// Files below a folder, as items named by their paths.
struct FileTree {
    /// Larger ones are passed over by a walk: what builds leave behind.
    static let largest = 256 << 20

    /// - Parameter path: a file, which becomes one item of its name, or a folder.
    static func items(at path: String) throws -> [Item] {
        var facts = stat()
        guard stat(path, &facts) == 0 else { throw failed(path) }
        if facts.st_mode & S_IFMT == S_IFDIR {
            var items: [Item] = []
            try add(path, below: "", to: &items, all: true)
            return items
        }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return [Item(ident: Blob(name), data: Blob(try Input.read(path)))]
    }

    /// A file, or those of a folder as a walk finds them, but for folders of version control and very large files; none
    /// where there is no such file.
    static func workingItems(at path: String, named prefix: String) throws -> [Item] {
        var items: [Item] = []
        var facts = stat()
        guard stat(path, &facts) == 0 else { return [] }
        switch facts.st_mode & S_IFMT {
        case S_IFDIR: try add(path, below: prefix, to: &items, all: false)
        case S_IFREG: items.append(Item(ident: Blob(prefix), data: Blob(try Input.read(path))))
        default: break
        }
        return items
    }

    private static func add(_ folder: String, below prefix: String, to items: inout [Item], all: Bool) throws {
        for name in Input.names(in: folder) where name != "." && name != ".." {
            let path = "\(folder)/\(name)"
            let ident = prefix.isEmpty ? name : "\(prefix)/\(name)"
            var facts = stat()
            guard stat(path, &facts) == 0 else { continue }
            switch facts.st_mode & S_IFMT {
            case S_IFDIR:
                var link = stat()
                // A link to a folder may lead in circles.
                if lstat(path, &link) == 0, link.st_mode & S_IFMT == S_IFLNK { continue }
                if all || name != ".git" { try add(path, below: ident, to: &items, all: all) }
            case S_IFREG:
                guard all || (facts.st_size <= off_t(largest) && access(path, R_OK) == 0) else { continue }
                items.append(Item(ident: Blob(ident), data: Blob(try Input.read(path))))
            default: continue
            }
        }
    }

    /// Writes an item to a file; folders are made.
    static func write(_ data: Blob, to path: String) throws {
        var end = path.startIndex
        while let slash = path[end...].dropFirst().firstIndex(of: "/") {
            end = slash
            mkdir(String(path[..<slash]), 0o777)
        }
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw failed(path, .cannotCreate) }
        defer { close(file) }
        try data.withUnsafeBytes { bytes throws(ExitCode) in
            var done = 0
            while done < bytes.count {
                // SAFETY: done is below the count of readable bytes.
                let count = Glibc.write(file, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failed(path, .cannotCreate) }
                done += count
            }
        }
    }

    private static func failed(_ path: String, _ code: ExitCode = .noInput) -> ExitCode {
        Output.note("dandelion: \(path): \(String(cString: strerror(errno)))")
        return code
    }
}
