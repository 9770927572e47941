import Foundation

/// What a set of ABI headers means to a compiler: where each field lies, of which type it is, and what the constants are.
struct Layouts {
    /// Of "dn_error": its "sizeof", and each field, written as in C, with its offset.
    private(set) var structs: [String: [String: String]] = [:]
    /// Each with its type and value as LLVM writes them, so that it does not matter how the header says it.
    private(set) var constants: [String: String] = [:]

    /// `folder` is an include folder with `dandelion/abi.h`.
    init(of folder: String) throws {
        let name = FileManager.default.temporaryDirectory.appending(path: "dandelion-layouts-\(UUID()).c").path
        let headers = "#include <dandelion/abi.h>\n"
        try headers.write(toFile: name, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: name) }
        func clang(_ arguments: [String]) throws -> [Substring] {
            let (status, output) = try Judged.run(
                "/usr/bin/env",
                ["clang", "--target=x86_64-linux-gnu", "-ffreestanding", "-I", folder] + arguments + [name])
            guard status == 0 else { throw Judged.CompilerFailed(output: "headers in \(folder)") }
            return String(decoding: output, as: UTF8.self).split(separator: "\n")
        }
        readStructs(try clang(["-fsyntax-only", "-Xclang", "-fdump-record-layouts-complete"]))
        var names: [String] = []
        for line in try clang(["-E", "-dM"]) {
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3, words[1].hasPrefix("DN_"), !words[1].contains("(") else { continue }
            // Attributes and the like have no value.
            if words[2].first.map({ "0123456789(\"U".contains($0) }) == true { names.append(String(words[1])) }
        }
        for line in try clang(["-E", "-P"]) {
            names += line.matches(of: /enum \{ (DN_[A-Z0-9_]+) =/).map { String($0.1) }
        }
        let kind = "int: 0, unsigned: 1, long: 2, long long: 2, unsigned long: 3, unsigned long long: 3, default: 4"
        let values = names.map {
            "__typeof__(\($0)) value_\($0) = \($0); int kind_\($0) = _Generic(\($0), \(kind));\n"
        }
        try (headers + values.joined()).write(toFile: name, atomically: true, encoding: .utf8)
        // "@value_DN_FAILED = dso_local global i32 -1, align 4"
        for line in try clang(["-S", "-emit-llvm", "-o", "-"]) {
            guard let found = line.wholeMatch(of: /@(value|kind)_(\w+) = .*? global (.*), align \d+/) else { continue }
            constants[String(found.2), default: ""] += "\(found.1) \(found.3) "
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
        ["DN_ABI_MAJOR", "DN_ABI_MINOR"].map { name in
            (constants[name]?.firstMatch(of: /value i32 (\d+)/)?.1).flatMap { Int($0) } ?? -1
        }
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
