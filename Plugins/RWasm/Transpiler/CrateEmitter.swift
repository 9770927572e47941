/// Generated Rust, as crates in the order in which they are compiled; each may use those before it.
struct Crates {
    struct Crate {
        var name: String
        var text: String
    }
    var crates: [Crate]
    /// Paths of the types that implement `rt::Module`.
    var modules: [String]

    private static let head = "#![no_std]\n#![forbid(unsafe_code)]\n#![allow(warnings)]\nextern crate rt;\n"

    /// Modules with more code than this are split, so that no crate is too much for the compiler.
    static let largestPart = 384 << 10

    /// One crate for several modules that may be linked with each other.
    static func linkable(_ modules: [Module], name: String = "code") throws(WasmError) -> Crates {
        var text = head
        for (index, module) in modules.enumerated() {
            text += try ModuleEmitter.emit(ModulePlan(module, isLinkable: true), name: "m\(index)")
        }
        return Crates(
            crates: [Crate(name: name, text: text)], modules: modules.indices.map { "\(name)::m\($0)::M" })
    }

    /// One module that runs alone.
    static func sole(
        _ module: Module, callsExports: Bool = false, largestPart: Int = largestPart
    ) throws(WasmError) -> Crates {
        let plan = ModulePlan(module, isLinkable: false, callsExports: callsExports)
        let size = module.bodies.reduce(0) { $0 + $1.bytes.count }
        guard size > largestPart else {
            let text = head + (try ModuleEmitter.emit(plan, name: "m0"))
            return Crates(crates: [Crate(name: "code", text: text)], modules: ["code::m0::M"])
        }
        return try split(module, plan, largestPart)
    }

    /// A crate of what all share, one for each part of the functions, and one that ties them together. Calls between
    /// parts go by a table of functions, because crates cannot call each other both ways.
    private static func split(_ module: Module, _ plan: ModulePlan, _ largestPart: Int) throws(WasmError) -> Crates {
        plan.parts = parts(of: module, largestPart)
        let emitter = ModuleEmitter(plan: plan)
        var texts = [String](
            repeating: head + "extern crate base;\nuse rt::*;\nuse base::*;\n", count: (plan.parts.last ?? 0) + 1)
        for (body, part) in plan.parts.enumerated() { texts[part] += try emitter.function(body, part: part) }
        var crates = [Crate(name: "base", text: head + "use rt::*;\n" + emitter.base)]
        for (part, text) in texts.enumerated() { crates.append(Crate(name: "part\(part)", text: text)) }
        crates.append(Crate(name: "code", text: head + "extern crate base;\nuse rt::*;\nuse base::*;\n" + emitter.top))
        return Crates(crates: crates, modules: ["code::M"])
    }

    /// The part of each body, rising.
    private static func parts(of module: Module, _ largestPart: Int) -> [Int] {
        var part = 0
        var size = 0
        return module.bodies.map { body in
            if size > 0, size + body.bytes.count > largestPart { (part, size) = (part + 1, 0) }
            size += body.bytes.count
            return part
        }
    }

    /// The trusted root: the only crate with exported symbols, which `forbid(unsafe_code)` does not allow.
    var root: String {
        let rows = modules.map { "rt::Descriptor::of::<\($0)>()" }.joined(separator: ",\n")
        return """
            #![no_std]
            extern crate rt;
            #[no_mangle]
            pub static rwasm_modules: [rt::Descriptor; \(modules.count)] = [\(rows)];

            """
    }
}

extension ModuleEmitter {
    /// What all parts of a split module share.
    var base: String {
        var text = instance + "pub struct Links {\n"
        for function in plan.crossCalls.sorted() {
            text += "pub f\(function): \(plan.pointer(plan.module.functions[function])),\n"
        }
        for type in plan.module.types.indices where plan.canonical[type] == type {
            text += "pub k\(type): &'static [\(plan.pointer(type))],\n"
        }
        return text + "}\n" + imports + indirectCalls
    }

    /// What knows all parts.
    var top: String {
        let scope = { (function: Int) -> String in
            function < plan.module.importedFunctions
                ? "base::" : "part\(plan.parts[function - plan.module.importedFunctions])::"
        }
        var text = (0...(plan.parts.last ?? 0)).map { "extern crate part\($0);\n" }.joined()
        for type in plan.module.types.indices where plan.canonical[type] == type {
            let range = plan.ranges[type] ?? ModulePlan.Range(low: 0, functions: [])
            text += "static K\(type): \(dispatchTable(type, range, scope: scope));\n"
        }
        text += "static LINKS: Links = Links {\n"
        for function in plan.crossCalls.sorted() { text += "f\(function): \(scope(function))f\(function),\n" }
        for type in plan.module.types.indices where plan.canonical[type] == type { text += "k\(type): &K\(type),\n" }
        return text + "};\n" + entries(links: ", &LINKS", scope: scope)
    }
}
