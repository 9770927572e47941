/// A strict reader of Prometheus text format 0.0.4 that checks what the format promises of each family.
enum ExpositionReader {
    struct Sample {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    struct Family {
        var name: String
        var help: String
        var type: String
        var samples: [Sample] = []
    }

    struct Wrong: Error { let line: String }

    static func read(_ text: String) throws -> [Family] {
        guard text.hasSuffix("\n") else { throw Wrong(line: "no line end at the end") }
        var families: [Family] = []
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map({ String($0) }) {
            if line.hasPrefix("# HELP ") {
                let parts = line.dropFirst(7).split(separator: " ", maxSplits: 1).map { String($0) }
                guard parts.count == 2, isName(parts[0]), !families.contains(where: { $0.name == parts[0] }) else {
                    throw Wrong(line: line)
                }
                families.append(Family(name: parts[0], help: try unescape(parts[1]), type: ""))
            } else if line.hasPrefix("# TYPE ") {
                let parts = line.dropFirst(7).split(separator: " ").map { String($0) }
                guard parts.count == 2, families.last?.name == parts[0], families.last?.samples.isEmpty == true,
                    ["counter", "gauge", "histogram"].contains(parts[1])
                else { throw Wrong(line: line) }
                families[families.count - 1].type = parts[1]
            } else {
                let sample = try sample(line)
                guard let family = families.last, !family.type.isEmpty else { throw Wrong(line: line) }
                let suffixes = family.type == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
                guard suffixes.contains(where: { sample.name == family.name + $0 }) else { throw Wrong(line: line) }
                families[families.count - 1].samples.append(sample)
            }
        }
        for family in families { try check(family) }
        return families
    }

    /// Series are unique; buckets rise up to +Inf, which is the count.
    private static func check(_ family: Family) throws {
        let keys = family.samples.map { "\($0.name) \($0.labels.sorted { $0.key < $1.key })" }
        guard !family.samples.isEmpty, Set(keys).count == keys.count else { throw Wrong(line: family.name) }
        guard family.type == "histogram" else { return }
        let groups = Dictionary(grouping: family.samples) { sample in
            "\(sample.labels.filter { $0.key != "le" }.sorted { $0.key < $1.key })"
        }
        for samples in groups.values {
            let buckets = samples.filter { $0.name.hasSuffix("_bucket") }
            let bounds = try buckets.map { sample in
                guard let text = sample.labels["le"], let bound = text == "+Inf" ? .infinity : Double(text) else {
                    throw Wrong(line: "le of \(family.name)")
                }
                return bound
            }
            let counts = buckets.map(\.value)
            guard bounds == bounds.sorted(), bounds.last == .infinity, counts == counts.sorted(),
                samples.filter({ $0.name.hasSuffix("_sum") }).count == 1,
                samples.filter({ $0.name.hasSuffix("_count") }).map(\.value) == [counts.last]
            else { throw Wrong(line: "buckets of \(family.name)") }
        }
    }

    private static func sample(_ line: String) throws -> Sample {
        var rest = line[...]
        let name = String(rest.prefix { $0 != "{" && $0 != " " })
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while rest.first != "}" {
                guard let equals = rest.firstIndex(of: "=") else { throw Wrong(line: line) }
                let label = String(rest[..<equals])
                rest = rest[equals...].dropFirst()
                guard isName(label), labels[label] == nil, rest.popFirst() == "\"" else { throw Wrong(line: line) }
                var value = ""
                while let character = rest.first, character != "\"" {
                    value.append(character)
                    rest = rest.dropFirst()
                    if character == "\\" {
                        guard let next = rest.popFirst() else { throw Wrong(line: line) }
                        value.append(next)
                    }
                }
                guard rest.popFirst() == "\"" else { throw Wrong(line: line) }
                labels[label] = try unescape(value)
                if rest.first == "," { rest = rest.dropFirst() }
            }
            rest = rest.dropFirst()
        }
        guard isName(name), rest.popFirst() == " ", let value = Double(rest) else { throw Wrong(line: line) }
        return Sample(name: name, labels: labels, value: value)
    }

    private static func isName(_ text: String) -> Bool {
        text.first.map { $0.isASCII && ($0.isLetter || $0 == "_") } == true
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }

    private static func unescape(_ text: String) throws -> String {
        var result = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            guard character == "\\" else {
                result.append(character)
                continue
            }
            switch rest.popFirst() {
            case "n": result.append("\n")
            case "\\": result.append("\\")
            case "\"": result.append("\"")
            default: throw Wrong(line: text)
            }
        }
        return result
    }
}
