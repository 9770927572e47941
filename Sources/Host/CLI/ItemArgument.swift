internal import ArgumentParser

/// An item on the command line: SET=FILE, or SET#KEY=FILE.
struct ItemArgument: ExpressibleByArgument {
    var set: String
    var key: UInt32 = 0
    var file: String

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "=") else { return nil }
        file = String(argument[argument.index(after: equals)...])
        var name = argument[..<equals]
        if let hash = name.lastIndex(of: "#") {
            guard let key = UInt32(name[name.index(after: hash)...]) else { return nil }
            self.key = key
            name = name[..<hash]
        }
        set = String(name)
        if file.isEmpty { return nil }
    }

    /// Reads the file; the item is called as it is, without its folders.
    func add(to body: inout Multipart) throws {
        let ident = file.split(separator: "/").last.map(String.init) ?? file
        body.add(set: set, ident: ident, key: key, data: try Input.read(file))
    }
}
