/// Decodes a module's sections (section 5.5) and checks all but the function bodies (section 3.4).
package struct ModuleDecoder {
    package var module = Module()
    var cursor: Cursor
    /// Offset of the function section's type indices' end; bodies must match their number.
    private var declaredFunctions = 0
    private var dataCount: Int?

    /// What this backend takes of each kind at most, as the JavaScript embedding's implementations agree.
    enum Limit {
        static let types = 1_000_000
        static let functions = 1_000_000
        static let tables = 100
        static let tags = 100_000
        /// An exception is copied whole wherever it goes.
        static let exceptionValues = 32
        static let globals = 1_000_000
        static let parameters = 1_000
        static let locals = 50_000
        static let segments = 100_000
        static let imports = 100_000
        static let exports = 100_000
    }

    package static func decode(_ bytes: [UInt8]) throws(WasmError) -> Module {
        var decoder = ModuleDecoder(bytes)
        try decoder.run()
        return decoder.module
    }

    private init(_ bytes: [UInt8]) {
        cursor = Cursor(bytes, 0..<bytes.count)
        module.bytes = bytes
    }

    // The order in which sections must come; tags (13) come before globals (6), the data count (12) before code (10).
    private static let order: [UInt8] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11]

    private mutating func run() throws(WasmError) {
        guard cursor.remaining >= 4, try cursor.fixed32() == 0x6d73_6100 else {
            throw WasmError(.malformed, "magic header not detected", at: 0)
        }
        guard cursor.remaining >= 4 else { throw WasmError(.malformed, "unexpected end of the version", at: 4) }
        let version = try cursor.fixed32()
        guard version == 1 else {
            throw WasmError(
                version & 0xffff == 0xd ? .unsupported : .malformed,
                version & 0xffff == 0xd ? "this is a component, not a core module" : "unknown binary version", at: 4)
        }
        var last = -1
        while !cursor.isAtEnd {
            let begin = cursor.at
            let id = try cursor.byte()
            let size = try cursor.index()
            let range = try cursor.skip(size)
            var section = Cursor(module.bytes, range)
            if id == 0 {
                _ = try section.name()
                continue
            }
            guard let rank = Self.order.firstIndex(of: id) else {
                throw WasmError(.malformed, "malformed section id \(id)", at: begin)
            }
            guard rank > last else {
                throw WasmError(
                    .malformed, "unexpected content after last section: section \(id) out of order", at: begin)
            }
            last = rank
            let outer = cursor
            cursor = section
            try decode(section: id)
            guard cursor.isAtEnd else { throw cursor.malformed("section size mismatch") }
            cursor = outer
        }
        try finish()
    }

    private mutating func decode(section id: UInt8) throws(WasmError) {
        switch id {
        case 1: try types()
        case 2: try imports()
        case 3: try functions()
        case 4: try tables()
        case 5: try memories()
        case 6: try globals()
        case 7: try exports()
        case 8: try start()
        case 9: try elements()
        case 10: try code()
        case 11: try data()
        case 13: try tags()
        default:
            dataCount = try cursor.index()
            module.hasDataCount = true
        }
    }

    private func finish() throws(WasmError) {
        guard module.bodies.count == declaredFunctions else {
            throw cursor.malformed("function and code section have inconsistent lengths")
        }
        guard dataCount == nil || dataCount == module.data.count else {
            throw cursor.malformed("data count and data section have inconsistent lengths")
        }
    }

    package func invalid(_ message: String, at offset: Int? = nil) -> WasmError {
        WasmError(.invalid, message, at: offset ?? cursor.at)
    }

    package func limit(_ count: Int, _ limit: Int, _ what: String) throws(WasmError) {
        guard count <= limit else { throw WasmError(.unsupported, "more than \(limit) \(what)", at: cursor.at) }
    }

    // MARK: Sections

    private mutating func types() throws(WasmError) {
        let count = try cursor.count("types")
        try limit(count, Limit.types, "types")
        for _ in 0..<count {
            let begin = cursor.at
            let form = try cursor.byte()
            guard form == 0x60 else {
                throw (0x4e...0x5f).contains(form)
                    ? WasmError(.unsupported, "proposal gc: only function types are supported", at: begin)
                    : cursor.malformed("integer representation too long or unknown type form", at: begin)
            }
            module.types.append(FunctionType(parameters: try valueTypes(), results: try valueTypes()))
        }
    }

    private mutating func valueTypes() throws(WasmError) -> [ValueType] {
        let count = try cursor.count("value types")
        try limit(count, Limit.parameters, "parameters or results")
        var types: [ValueType] = []
        for _ in 0..<count { types.append(try cursor.valueType()) }
        return types
    }

    private mutating func imports() throws(WasmError) {
        let count = try cursor.count("imports")
        try limit(count, Limit.imports, "imports")
        for _ in 0..<count {
            let offset = cursor.at
            let from = try cursor.name()
            let name = try cursor.name()
            let begin = cursor.at
            let code = try cursor.byte()
            guard let kind = ExternalKind(rawValue: code) else {
                throw cursor.malformed("malformed import kind", at: begin)
            }
            let index = try importDescription(kind)
            module.imports.append(Import(module: from, name: name, kind: kind, index: index, offset: offset))
        }
    }

    /// Reads what an import is, and returns its index among its kind.
    private mutating func importDescription(_ kind: ExternalKind) throws(WasmError) -> Int {
        switch kind {
        case .function:
            module.functions.append(try typeIndex())
            module.importedFunctions += 1
            return module.functions.count - 1
        case .table:
            module.tables.append(try tableType())
            module.importedTables += 1
            return module.tables.count - 1
        case .memory:
            try memory()
            module.importedMemories += 1
            return module.memories.count - 1
        case .global:
            module.globals.append(Global(type: try globalType(), initial: nil))
            module.importedGlobals += 1
            return module.globals.count - 1
        case .tag:
            throw WasmError(
                .unsupported, "proposal exception-handling: an imported tag; exceptions do not leave a module",
                at: cursor.at)
        }
    }

    private mutating func typeIndex() throws(WasmError) -> Int {
        let begin = cursor.at
        let index = try cursor.index()
        guard index < module.types.count else { throw invalid("unknown type \(index)", at: begin) }
        return index
    }

    private mutating func functions() throws(WasmError) {
        let count = try cursor.count("functions")
        try limit(count, Limit.functions, "functions")
        for _ in 0..<count { module.functions.append(try typeIndex()) }
        declaredFunctions = count
    }

    /// Flags and sizes. Flags beyond 1 belong to threads, memory64 and custom page sizes.
    private mutating func limits(_ bound: UInt64, _ message: String) throws(WasmError) -> Limits {
        let begin = cursor.at
        let flags = try cursor.byte()
        guard flags <= 1 else {
            throw flags <= 7
                ? WasmError(.unsupported, "proposals threads and memory64 are not supported", at: begin)
                : cursor.malformed("malformed limits flags", at: begin)
        }
        let minimum = try cursor.u32()
        let maximum = flags == 1 ? try cursor.u32() : nil
        guard UInt64(minimum) <= bound, UInt64(maximum ?? 0) <= bound else { throw invalid(message, at: begin) }
        if let maximum, maximum < minimum {
            throw invalid("size minimum must not be greater than maximum", at: begin)
        }
        return Limits(minimum: minimum, maximum: maximum)
    }

    private mutating func tableType() throws(WasmError) -> TableType {
        guard cursor.peek() != 0x40 else {
            throw WasmError(.unsupported, "proposal function-references: tables with an initializer", at: cursor.at)
        }
        let element = try elementType()
        return TableType(element: element, limits: try limits(UInt64(UInt32.max), "table size"))
    }

    /// The type of what a table holds.
    mutating func elementType() throws(WasmError) -> ValueType {
        let begin = cursor.at
        let type = try cursor.referenceType()
        guard type != .exnref else { throw WasmError(.unsupported, "tables of exceptions", at: begin) }
        return type
    }

    private mutating func tables() throws(WasmError) {
        let count = try cursor.count("tables")
        try limit(count, Limit.tables, "tables")
        for _ in 0..<count { module.tables.append(try tableType()) }
    }

    private mutating func memory() throws(WasmError) {
        module.memories.append(try limits(65536, "memory size must be at most 65536 pages (4 GiB)"))
        guard module.memories.count == 1 else {
            throw WasmError(.unsupported, "proposal multi-memory: multiple memories", at: cursor.at)
        }
    }

    private mutating func memories() throws(WasmError) {
        for _ in 0..<(try cursor.count("memories")) { try memory() }
    }

    private mutating func globalType() throws(WasmError) -> GlobalType {
        let type = try cursor.valueType()
        let begin = cursor.at
        let mutability = try cursor.byte()
        guard mutability <= 1 else { throw cursor.malformed("malformed mutability", at: begin) }
        return GlobalType(value: type, isMutable: mutability == 1)
    }

    private mutating func tags() throws(WasmError) {
        let count = try cursor.count("tags")
        try limit(count, Limit.tags, "tags")
        for _ in 0..<count {
            let begin = cursor.at
            guard try cursor.byte() == 0 else { throw cursor.malformed("malformed tag attribute", at: begin) }
            let type = try typeIndex()
            guard module.types[type].results.isEmpty else { throw invalid("non-empty tag result type", at: begin) }
            let values = module.types[type].parameters
            try limit(values.count, Limit.exceptionValues, "values in an exception")
            guard !values.contains(.exnref) else {
                throw WasmError(.unsupported, "exceptions in exceptions", at: begin)
            }
            module.tags.append(type)
        }
    }

    private mutating func globals() throws(WasmError) {
        let count = try cursor.count("globals")
        try limit(count, Limit.globals, "globals")
        for _ in 0..<count {
            let type = try globalType()
            module.globals.append(Global(type: type, initial: try constant(type.value)))
        }
    }

    private mutating func exports() throws(WasmError) {
        // By bytes: Swift takes canonically equivalent texts for equal.
        var names: Set<[UInt8]> = []
        let count = try cursor.count("exports")
        try limit(count, Limit.exports, "exports")
        for _ in 0..<count {
            let begin = cursor.at
            let name = try cursor.name()
            let code = try cursor.byte()
            guard let kind = ExternalKind(rawValue: code) else { throw cursor.malformed("malformed export kind") }
            let index = try cursor.index()
            let counts = [
                module.functions.count, module.tables.count, module.memories.count, module.globals.count,
                module.tags.count,
            ]
            guard index < counts[Int(kind.rawValue)] else { throw invalid("unknown \(kind) \(index)", at: begin) }
            guard names.insert(Array(name.utf8)).inserted else {
                throw invalid("duplicate export name \"\(name)\"", at: begin)
            }
            if kind == .function { module.declared.insert(index) }
            module.exports.append(Export(name: name, kind: kind, index: index))
        }
    }

    private mutating func start() throws(WasmError) {
        let begin = cursor.at
        let index = try cursor.index()
        guard index < module.functions.count else { throw invalid("unknown function \(index)", at: begin) }
        guard module.type(ofFunction: index) == FunctionType() else { throw invalid("start function", at: begin) }
        module.start = index
    }

    private mutating func code() throws(WasmError) {
        let count = try cursor.count("bodies")
        guard count == declaredFunctions else {
            throw cursor.malformed("function and code section have inconsistent lengths")
        }
        for _ in 0..<count {
            let size = try cursor.index()
            module.bodies.append(Body(bytes: try cursor.skip(size)))
        }
    }
}
