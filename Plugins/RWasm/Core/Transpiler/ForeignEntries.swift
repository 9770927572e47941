/// Entries with C signatures: the instance, then the parameters. References are u64, vectors the runtime's Value (a struct
/// of two u64), several results a struct.
extension ModuleEmitter {
    /// The entries; `scope` is where functions are.
    func foreignEntries(_ scope: (Int) -> String) -> String {
        plan.entered.map { entry($0, scope) }.joined()
    }

    /// How the host finds them, in the implementation of `Module`.
    var foreignAddresses: String {
        guard !plan.entered.isEmpty else { return "" }
        let rows = plan.entered.map { "\($0) => e\($0) as *const u8,\n" }.joined()
        return "fn entry(function: u32) -> *const u8 {\nmatch function {\n\(rows)_ => 0 as *const u8,\n}\n}\n"
    }

    private func entry(_ index: Int, _ scope: (Int) -> String) -> String {
        let type = plan.module.type(ofFunction: index)
        let parameters = type.parameters.enumerated().map { ", a\($0.offset): \($0.element.foreign)" }.joined()
        let arguments = type.parameters.enumerated().map { ", a\($0.offset)\($0.element == .v128 ? ".v128()" : "")" }
        let results = type.results.enumerated().map {
            $0.element == .v128 ? "Value::from_v128(r\($0.offset))" : "r\($0.offset)"
        }
        var (declaration, kind, value) = ("", type.results.rust, results.joined(separator: ", "))
        if results.count == 1 {
            kind = type.results[0].foreign
        } else if results.count > 1 {
            kind = "R\(index)"
            declaration = "#[repr(C)]\npub struct \(kind)(\(type.results.map(\.foreign).joined(separator: ", ")));\n"
            value = "\(kind)(\(value))"
        }
        let names = tuple(type.results.indices.map { "r\($0)" })
        return declaration + "extern \"C\" fn e\(index)(c: &mut I\(parameters)) -> \(kind) {\n"
            + "let \(names) = \(scope(index))f\(index)(c\(arguments.joined()));\n\(refuseException(of: index))\(value)\n}\n"
    }
}

extension ValueType {
    /// In a C signature.
    fileprivate var foreign: String { self == .v128 ? "Value" : rust }
}
