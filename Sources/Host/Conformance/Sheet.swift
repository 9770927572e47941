internal import CConformance

/// What a child process that judges shares with its parent: it stays when the child crashes, or leaves by a plugin's exit(3).
final class Sheet {
    private let raw: UnsafeMutablePointer<ck_sheet>

    init?() {
        guard let raw = ck_sheet_make() else { return nil }
        self.raw = raw
    }

    deinit { ck_sheet_free(raw) }

    /// Makes it this process's, for good.
    func attend() { ck_attend(raw) }

    /// Nil until the child has said it.
    var verdict: Verdict.Kind? {
        get { raw.pointee.verdict == 0 ? nil : Verdict.Kind.allCases[Int(raw.pointee.verdict - 1)] }
        set {
            raw.pointee.verdict =
                newValue.flatMap { Verdict.Kind.allCases.firstIndex(of: $0) }.map { Int32($0 + 1) } ?? 0
        }
    }

    /// The call of the plugin that is, or was, under way.
    var call: String { Self.text(raw.pointee.call) }
    /// What a wild access did to watched memory.
    var access: String { Self.text(raw.pointee.access) }
    /// The first damage of the watched heap.
    var damage: String { Self.text(raw.pointee.damage) }

    /// Why the verdict is not `passed`.
    var text: String {
        get { String(cString: ck_sheet_text(raw)) }
        set { Self.put(newValue, at: ck_sheet_text(raw)) }
    }

    /// What is to be shown with the verdict.
    var notes: String {
        get { String(cString: ck_sheet_notes(raw)) }
        set { Self.put(newValue, at: ck_sheet_notes(raw)) }
    }

    private static func text<Field>(_ field: Field) -> String {
        withUnsafeBytes(of: field) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }

    private static func put(_ text: String, at field: UnsafeMutablePointer<CChar>) {
        let bytes = text.utf8.filter { $0 != 0 }.prefix(Int(CK_TEXT) - 1)
        // SAFETY: the field has CK_TEXT bytes.
        for (index, byte) in bytes.enumerated() { field[index] = CChar(bitPattern: byte) }
        field[bytes.count] = 0
    }
}
