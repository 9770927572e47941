internal import PluginHost

/// A request that the plugin's author wrote, with what is to come of it: a folder.
///
///     NAME/protocol      the protocol's name; without the file, the first that the plugin offers
///     NAME/in/SET        the item of each input set, byte for byte
///     NAME/out/SET       the output of that set, byte for byte
///     NAME/out/SET.has   texts that the output of that set has, one on each line
///     NAME/outcome       how it ends: ok (without the file), refused (by validate and submit), or a word of dn.comm/1 such
///                        as denied, connect or too-large
///
/// Of an output without either file, the first bytes are shown.
public struct GivenRequest: Sendable {
    public let name: String
    let protocolName: String?
    /// By set.
    let inputs: [String: [UInt8]]
    let outputs: [String: [UInt8]]
    let texts: [String: [[UInt8]]]
    let outcome: String

    private static let outcomes =
        ["refused"] + (0...12).map { ABIName.ending($0) }

    /// Each folder in `folder` that has a folder `in`, by name.
    /// - Throws: `Mistake` naming the file.
    public static func all(in folder: String) throws(Mistake) -> [GivenRequest] {
        var requests: [GivenRequest] = []
        for name in try names(folder) where (try? Folder.names("\(folder)/\(name)/in")) != nil {
            requests.append(try GivenRequest(name, in: "\(folder)/\(name)"))
        }
        guard !requests.isEmpty else {
            throw Mistake(what: "\(folder): no folder in it has a folder 'in' with the items of a request")
        }
        return requests
    }

    public struct Mistake: Error { public let what: String }

    private init(_ name: String, in folder: String) throws(Mistake) {
        self.name = name
        protocolName = Self.line("\(folder)/protocol")
        outcome = Self.line("\(folder)/outcome") ?? "ok"
        guard Self.outcomes.contains(outcome) else {
            let known = Self.outcomes.joined(separator: ", ")
            throw Mistake(what: "\(folder)/outcome: '\(outcome)' is no way for a request to end; there are: \(known)")
        }
        inputs = try Self.files("\(folder)/in")
        guard !inputs.isEmpty else { throw Mistake(what: "\(folder)/in: has no items; one file for each input set") }
        let expected = (try? Folder.names("\(folder)/out")) == nil ? [:] : try Self.files("\(folder)/out")
        outputs = expected.filter { !$0.key.hasSuffix(".has") }
        texts = Dictionary(
            uniqueKeysWithValues: expected.filter { $0.key.hasSuffix(".has") }.map { file in
                (String(file.key.dropLast(4)), file.value.split(separator: 10).map { Array($0) })
            })
    }

    private static func names(_ folder: String) throws(Mistake) -> [String] {
        do { return try Folder.names(folder).filter { !$0.hasPrefix(".") } } catch {
            throw Mistake(what: (error as? NotApplicable)?.why ?? "\(folder): \(error)")
        }
    }

    private static func files(_ folder: String) throws(Mistake) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in try names(folder) {
            do { files[name] = try Folder.read("\(folder)/\(name)") } catch {
                throw Mistake(what: (error as? NotApplicable)?.why ?? "\(folder)/\(name): \(error)")
            }
        }
        return files
    }

    /// The first line of a file; nil = there is no such file.
    private static func line(_ path: String) -> String? {
        guard let bytes = try? Folder.read(path) else { return nil }
        let line = bytes.prefix { $0 != 10 && $0 != 13 }
        return String(decoding: line, as: UTF8.self)
    }

    // MARK: For a plugin

    /// - Throws: `Violation` when the plugin has no such call.
    func sample(for backend: CommBackend) throws -> CommRig.Sample {
        let offered = backend.protocols
        let index = protocolName.map { name in offered.firstIndex { $0.name == name } } ?? 0
        guard let index else {
            let names = offered.map(\.name).joined(separator: ", ")
            throw Violation(what: "request '\(name)': there is no protocol '\(protocolName ?? "")', only \(names)")
        }
        let calls = offered[index].signatures
        guard let call = calls.firstIndex(where: { Set($0.inputs) == Set(inputs.keys) }) else {
            let sets = calls.map { $0.inputs.joined(separator: " ") }.joined(separator: ", or ")
            throw Violation(
                what: "request '\(name)' has items for \(inputs.keys.sorted().joined(separator: " ")); protocol "
                    + "\(offered[index].name) takes \(sets)")
        }
        return CommRig.Sample(
            protocol: index, signature: call, inputs: calls[call].inputs.map { inputs[$0] ?? [] })
    }
}
