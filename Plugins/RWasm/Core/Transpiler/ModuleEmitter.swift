/// Writes a module as Rust: its instance, the entries from outside, indirect calls, imports and functions.
struct ModuleEmitter {
    let plan: ModulePlan
    private var module: Module { plan.module }

    /// Validates every body and writes the module as `pub mod <name>`.
    static func emit(_ plan: ModulePlan, name: String) throws(WasmError) -> String {
        let emitter = ModuleEmitter(plan: plan)
        var text = "pub mod \(name) {\nuse rt::*;\n"
        text += emitter.instance + emitter.entries(links: "") { _ in "" }
        var allowance = Allowance(plan.module)
        for index in plan.module.bodies.indices {
            text += try emitter.function(index, part: 0, within: &allowance)
        }
        return text + emitter.imports + emitter.indirectCalls + "}\n"
    }

    func function(_ body: Int, part: Int, within allowance: inout Allowance) throws(WasmError) -> String {
        let sink = FunctionEmitter(plan: plan, function: module.importedFunctions + body, part: part)
        let before = allowance
        let read = try FunctionReader.read(module, body, into: sink, within: &allowance)
        guard read.nesting.isDeep else { return read.text }
        allowance = before
        let second = FunctionEmitter(
            plan: plan, function: module.importedFunctions + body, part: part, known: read.nesting)
        return try FunctionReader.read(module, body, into: second, within: &allowance).text
    }

    // MARK: The instance

    private func fieldType(ofGlobal index: Int) -> String {
        plan.isShared(index) ? "Cell" : module.globals[index].type.value.rust
    }

    /// The struct and how it is made from what the host lays out.
    var instance: String {
        let isSplit = !plan.parts.isEmpty
        var text = exceptionType + "pub struct I {\npub mem: Memory,\npub env: Env,\npub tag: u64,\npub x: X,\n"
        if isSplit { text += "pub links: &'static Links,\n" }
        for index in module.tables.indices { text += "pub t\(index): Table,\n" }
        for index in module.globals.indices { text += "pub g\(index): \(fieldType(ofGlobal: index)),\n" }
        text += "}\nimpl I {\npub fn new(env: Env\(isSplit ? ", links: &'static Links" : "")) -> I {\nI {\n"
        text += "mem: env.memory(),\ntag: env.tag(),\nx: X::NONE,\n"
        if isSplit { text += "links,\n" }
        for index in module.tables.indices { text += "t\(index): env.table(\(index)),\n" }
        for (index, global) in module.globals.enumerated() {
            let cell = "env.global(\(index))"
            text += "g\(index): \(plan.isShared(index) ? cell : global.type.value.unboxed("\(cell).get()")),\n"
        }
        return text + "env,\n}\n}\n}\n"
    }

    /// An exception: its tag's number, from 1 on, and what it carries. Without tags there is none.
    private var exceptionType: String {
        let count = module.tags.indices.map { module.values(ofTag: $0).count }.max() ?? 0
        return "#[derive(Clone, Copy)]\npub struct X {\npub tag: u32,\npub v: [Value; \(count)],\n}\n"
            + "impl X {\npub const NONE: X = X { tag: 0, v: [Value::ZERO; \(count)] };\n}\n"
    }

    /// Comes after a call from outside.
    func refuseException(of function: Int) -> String {
        guard plan.throwing.contains(function) else { return "" }
        return "if c.x.tag != 0 {\nc.x.tag = 0;\ntrap(UNCAUGHT_EXCEPTION, \(function))\n}\n"
    }

    /// What the host calls. `scope` is where functions are ("" or "p0::"), `links` a further argument.
    func entries(links: String, scope: (Int) -> String) -> String {
        var text = foreignEntries(scope) + "pub struct M;\nimpl Module for M {\ntype Instance = I;\n"
        text += "fn new(env: Env) -> I {\nI::new(env\(links))\n}\n"
        text += "fn call(c: &mut I, function: u32, v: &mut [Value]) {\nmatch function {\n"
        for index in plan.callable {
            let type = module.type(ofFunction: index)
            let arguments = type.parameters.enumerated().map {
                ", \($0.element.unboxed("argument(v, \($0.offset))"))"
            }
            let results = tuple(type.results.indices.map { "r\($0)" })
            text += "\(index) => {\nlet \(results) = \(scope(index))f\(index)(c\(arguments.joined()));\n"
            text += refuseException(of: index)
            for (number, result) in type.results.enumerated() {
                text += "set_result(v, \(number), \(result.boxed("r\(number)")));\n"
            }
            text += "}\n"
        }
        return text + "_ => trap(PANIC, function),\n}\n}\n" + foreignAddresses + "}\n"
    }

    // MARK: Calls that are not direct

    /// A function that hands its arguments over as values, calls by `call`, and takes its results from them.
    private func passing(_ type: FunctionType, _ call: String) -> String {
        let values = type.parameters.enumerated().map { $0.element.boxed("a\($0.offset)") }
        let padding = (values.count..<max(values.count, type.results.count)).map { _ in "Value::default()" }
        let results = type.results.enumerated().map { $0.element.unboxed("argument(&v, \($0.offset))") }
        let array = (values + padding).joined(separator: ", ")
        return "let mut v: [Value; \(values.count + padding.count)] = [\(array)];\n\(call);\n\(tuple(results))\n"
    }

    private func parameters(_ type: FunctionType) -> String {
        type.parameters.enumerated().map { ", a\($0.offset): \($0.element.rust)" }.joined()
    }

    /// Functions that call what the host bound to imports.
    var imports: String {
        var text = ""
        for index in 0..<module.importedFunctions {
            let type = module.type(ofFunction: index)
            let kind = module.functions[index]
            text += "pub fn f\(index)(c: &mut I\(parameters(type))) -> \(type.results.rust) {\n"
            text += passing(type, "c.env.call(1 << 63 | \(index), \(kind), &mut v, \(index))") + "}\n"
        }
        return text
    }

    /// One function for each type, which finds the callee by its reference.
    var indirectCalls: String {
        var text = ""
        for (index, type) in module.types.enumerated() where plan.canonical[index] == index {
            let range = plan.ranges[index] ?? ModulePlan.Range(low: 0, functions: [])
            if plan.parts.isEmpty { text += "static K\(index): \(dispatchTable(index, range) { _ in "" });\n" }
            let table = plan.parts.isEmpty ? "K\(index)" : "c.links.k\(index)"
            let low = plan.isLinkable ? "c.tag + \(range.low)" : "\(ModulePlan.soleTag + UInt64(range.low))"
            let arguments = type.parameters.indices.map { ", a\($0)" }.joined()
            text += "pub fn k\(index)(c: &mut I, e: u64, at: u32\(parameters(type))) -> \(type.results.rust) {\n"
            text += "if let Some(f) = \(table).get(e.wrapping_sub(\(low)) as usize) {\n"
            text += "return f(c\(arguments))\n}\n"
            let other = plan.isLinkable ? "c.env.call(e, \(index), &mut v, at)" : ""
            text += plan.isLinkable ? passing(type, other) : "refuse(e, at)\n"
            text += "}\n"
        }
        return text
    }

    /// `[type; count] = [functions]` of one type's dispatch table.
    func dispatchTable(_ type: Int, _ range: ModulePlan.Range, scope: (Int) -> String) -> String {
        let functions = range.functions.map { "\(scope($0))f\($0)" }.joined(separator: ", ")
        return "[\(plan.pointer(type)); \(range.functions.count)] = [\(functions)]"
    }
}
