/// How a module's things are called in Rust, and how function references are numbered.
///
/// A reference is the instance's tag plus an ordinal. Functions that can be referred to are numbered by type, so that
/// each type's ordinals are one range, and an indirect call is a subtraction, a comparison and a load.
package final class ModulePlan {
    struct Range {
        var low: Int
        var functions: [Int]
    }

    package let module: Module
    /// Other instances may share the module's memory, tables, mutable globals and functions.
    package let isLinkable: Bool
    /// Index of the first equal type, by type.
    package let canonical: [Int]
    /// Ordinal of each function that can be referred to.
    package private(set) var ordinals: [Int: Int] = [:]
    /// Their functions in the order of their ordinals, by canonical type.
    private(set) var ranges: [Int: Range] = [:]
    /// Functions that are called from outside with an array of values.
    let callable: [Int]
    /// Functions that are called from outside by C signatures of their own.
    let entered: [Int]
    /// The part of each function's code; empty when there is only one.
    var parts: [Int] = []
    /// Functions may become part of their callers.
    var inlines = true
    /// Functions work on a copy of where the memory lies, unless they are to be compiled soon.
    var copiesMemory: Bool { inlines && !module.memories.isEmpty }
    /// Functions that an exception may leave, and canonical types of functions that are called indirectly of which one does.
    private(set) var throwing: Set<Int> = []
    private(set) var throwingTypes: Set<Int> = []
    /// Functions that are called from another part, by canonical type, in the order of their places in a table.
    private(set) var crossCalls: [Int: [Int]] = [:]
    private var crossPlaces: [Int: Int] = [:]

    /// A program's entry; a reactor, which has none, is run by one of the others.
    static let entryNames = ["_start", "run", "main", "__main_void"]

    /// How the host calls exports that are not what a run begins with.
    package enum ExportCalls { case none, byValues, bySignature }

    /// What function references of the only instance begin with.
    static let soleTag: UInt64 = 1 << 32

    package init(_ module: Module, isLinkable: Bool, exports: ExportCalls = .none) {
        self.module = module
        self.isLinkable = isLinkable
        var first: [FunctionType: Int] = [:]
        var canonical: [Int] = []
        for (index, type) in module.types.enumerated() {
            canonical.append(first[type] ?? index)
            if first[type] == nil { first[type] = index }
        }
        self.canonical = canonical
        let declared = module.declared.sorted {
            (canonical[module.functions[$0]], $0) < (canonical[module.functions[$1]], $1)
        }
        for (ordinal, function) in declared.enumerated() {
            ordinals[function] = ordinal
            ranges[canonical[module.functions[function]], default: Range(low: ordinal, functions: [])]
                .functions.append(function)
        }
        let entries =
            (Self.entryNames + ["_initialize", module.entry].compactMap { $0 })
            .compactMap { module.export($0, .function) }
            + [module.start].compactMap { $0 }
        let exported = module.exports.filter { $0.kind == .function }.map(\.index)
        let own = exports == .bySignature ? [] : exports == .byValues ? entries + exported : entries
        // Exceptions are not handed over.
        let isPlain = { (function: Int) -> Bool in
            let type = module.type(ofFunction: function)
            return !(type.parameters + type.results).contains(.exnref)
        }
        callable = Set(own + (isLinkable ? declared : [])).filter(isPlain).sorted()
        entered =
            exports == .bySignature ? Set(exported + [module.start].compactMap { $0 }).filter(isPlain).sorted() : []
    }

    // MARK: Globals

    /// Whether other instances see changes of it.
    func isShared(_ global: Int) -> Bool {
        guard module.globals[global].type.isMutable, module.globals[global].type.value != .exnref else { return false }
        if global < module.importedGlobals { return true }
        return isLinkable && module.exports.contains { $0.kind == .global && $0.index == global }
    }

    package func read(global: Int) -> String {
        let conversion = module.globals[global].type.value.conversion
        return isShared(global) ? "c.g\(global).get().\(conversion)()" : "c.g\(global)"
    }

    package func write(global: Int, value: String) -> String {
        let conversion = module.globals[global].type.value.conversion
        return isShared(global) ? "c.g\(global).set(Value::from_\(conversion)(\(value)))" : "c.g\(global) = \(value)"
    }

    // MARK: Functions

    package func reference(to function: Int) -> String {
        let ordinal = ordinals[function] ?? 0
        return isLinkable ? "c.tag + \(ordinal)" : "\(Self.soleTag + UInt64(ordinal))u64"
    }

    func callee(_ function: Int, from part: Int) -> String {
        guard !parts.isEmpty, function >= module.importedFunctions, parts[function - module.importedFunctions] != part
        else { return "f\(function)" }
        let type = canonical[module.functions[function]]
        let place = crossPlaces[function] ?? crossCalls[type, default: []].count
        if crossPlaces.updateValue(place, forKey: function) == nil { crossCalls[type, default: []].append(function) }
        return "(c.links.x\(type)[\(place)])"
    }

    /// The type of a pointer to a function of `type`.
    package func pointer(_ type: Int) -> String {
        let parameters = module.types[type].parameters.map { ", \($0.rust)" }.joined()
        return "fn(&mut I\(parameters)) -> \(module.types[type].results.rust)"
    }
}

extension ModulePlan {
    /// Finds the functions that exceptions may leave. In modules without tags none does.
    func findThrowing() throws(WasmError) {
        guard !module.tags.isEmpty else { return }
        var callers: [Int: [Int]] = [:]
        var indirectCallers: [Int: [Int]] = [:]
        var found: [Int] = []
        var allowance = Allowance(module)
        for body in module.bodies.indices {
            let function = module.importedFunctions + body
            let calls = try FunctionReader.read(module, body, into: Calls(), within: &allowance)
            if calls.throwsItself { found.append(function) }
            for callee in calls.callees { callers[callee, default: []].append(function) }
            for type in calls.types { indirectCallers[canonical[type], default: []].append(function) }
        }
        while let function = found.popLast() {
            guard throwing.insert(function).inserted else { continue }
            found += callers[function] ?? []
            let type = canonical[module.functions[function]]
            guard module.declared.contains(function), throwingTypes.insert(type).inserted else { continue }
            found += indirectCallers[type] ?? []
        }
    }
}

/// What a function calls, and whether it throws.
private struct Calls: FunctionSink {
    private(set) var callees: Set<Int> = []
    private(set) var types: Set<Int> = []
    private(set) var throwsItself = false
    var size: Int { 0 }

    mutating func begin(locals: [ValueType]) {}

    mutating func take(_ instruction: Instruction) {
        switch instruction {
        case .call(let callee): callees.insert(callee)
        case .callIndirect(let type, _): types.insert(type)
        case .throw, .rethrow, .throwRef: throwsItself = true
        default: break
        }
    }
}
