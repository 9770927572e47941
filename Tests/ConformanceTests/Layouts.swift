import Foundation

/// What a set of ABI headers means to a compiler: where each field lies, of which type it is, and what the constants are.
struct Layouts {
    /// Of "dn_error": its "sizeof", and each field, written as in C, with its offset.
    private(set) var structs: [String: [String: String]] = [:]
    private(set) var constants: [String: String] = [:]

    /// `folder` is an include folder with `dandelion/abi.h`.
    init(of folder: String) throws {
        let name = FileManager.default.temporaryDirectory.appending(path: "dandelion-layouts-\(UUID()).c").path
        try "#include <dandelion/abi.h>\n".write(toFile: name, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: name) }
        func clang(_ arguments: [String]) throws -> [Substring] {
            let (status, output) = try Judged.run(
                "/usr/bin/env",
                ["clang", "--target=x86_64-linux-gnu", "-ffreestanding", "-I", folder] + arguments + [name])
            guard status == 0 else { throw Judged.CompilerFailed(output: "headers in \(folder)") }
            return String(decoding: output, as: UTF8.self).split(separator: "\n")
        }
        readStructs(try clang(["-fsyntax-only", "-Xclang", "-fdump-record-layouts-complete"]))
        for line in try clang(["-E", "-dM"]) {
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3, words[1].hasPrefix("DN_"), !words[1].contains("(") else { continue }
            constants[String(words[1])] = String(words[2])
        }
    }

    /// Lines of clang's dump: "  16 |   int32_t reason", "   0 | struct dn_probe", "     | [sizeof=272, align=4]".
    private mutating func readStructs(_ lines: [Substring]) {
        var name = ""
        for line in lines {
            let parts = line.split(separator: "|", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard parts.count == 2 else {
                name = ""
                continue
            }
            if name.isEmpty, parts[1].hasPrefix("struct ") {
                name = String(parts[1].dropFirst("struct ".count))
                structs[name] = [:]
            } else if parts[1].hasPrefix("[sizeof=") {
                structs[name]?["sizeof"] = String(parts[1].dropFirst("[sizeof=".count).prefix { $0.isNumber })
            } else {
                structs[name]?[parts[1]] = parts[0]
            }
        }
    }

    var version: [Int] {
        ["DN_ABI_MAJOR", "DN_ABI_MINOR"].map { name in Int((constants[name] ?? "").prefix { $0.isNumber }) ?? -1 }
    }

    /// What `newer` may not change of these, or changes without saying so by its version; empty when all is well.
    func breaks(in newer: Layouts) -> [String] {
        guard version[0] == newer.version[0] else { return [] }
        let grown = newer.version[1] > version[1]
        var broken: [String] = []
        for (name, fields) in structs {
            guard let now = newer.structs[name] else {
                broken.append("\(name) is gone")
                continue
            }
            for (field, place) in fields where now[field] != place {
                if field == "sizeof", grown, Int(now[field] ?? "") ?? 0 > Int(place) ?? 0 { continue }
                broken.append("\(name): '\(field)' was \(place), is \(now[field] ?? "gone")")
            }
            if !grown {
                broken += now.keys.filter { fields[$0] == nil }.map { "\(name): '\($0)' is new in the same version" }
            }
        }
        for (name, value) in constants where name != "DN_ABI_MINOR" && newer.constants[name] != value {
            broken.append("\(name) was \(value), is \(newer.constants[name] ?? "gone")")
        }
        if !grown {
            broken += newer.structs.keys.filter { structs[$0] == nil }.map { "\($0) is new in the same version" }
            broken += newer.constants.keys.filter { constants[$0] == nil }.map { "\($0) is new in the same version" }
        }
        return broken.sorted()
    }
}
