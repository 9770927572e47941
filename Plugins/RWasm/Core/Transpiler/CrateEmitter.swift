/// Generated Rust, as stages of crates in the order in which they are compiled: each crate may use those of earlier stages.
package struct Crates {
    package struct Crate {
        package var name: String
        package var text: String
    }
    package var stages: [[Crate]]
    /// Paths of the types that implement `rt::Module`.
    package var modules: [String]

    private static let head = "#![no_std]\n#![forbid(unsafe_code)]\n#![allow(warnings)]\nextern crate rt;\n"

    /// How a module is laid out for the compiler. One with more code than a crate may have is split, which bounds what the
    /// compiler needs, and makes several crates to compile at once.
    package struct Shape: Sendable {
        /// Of WebAssembly, in one crate.
        var bytes: Int
        /// In one crate: the compiler's time grows faster than their number.
        var functions: Int
        /// Functions may become part of their callers.
        var inlines = true

        /// Ready soon. Inlining takes two thirds of the compiler's time for many small functions.
        static let soon = Shape(bytes: 96 << 10, functions: 600, inlines: false)
        /// Fast when it is ready: calls from part to part cannot be inlined, so there are few.
        static let fast = Shape(bytes: 384 << 10, functions: 2500)
    }

    /// One crate for several modules; they may be linked with each other when `isLinkable`.
    package static func together(
        _ modules: [Module], isLinkable: Bool = true, exports: ModulePlan.ExportCalls = .none, name: String = "code"
    ) throws(WasmError) -> Crates {
        var text = head
        for (index, module) in modules.enumerated() {
            let plan = ModulePlan(module, isLinkable: isLinkable, exports: exports)
            try plan.findThrowing()
            text += try ModuleEmitter.emit(plan, name: "m\(index)")
        }
        return Crates(
            stages: [[Crate(name: name, text: text)]], modules: modules.indices.map { "\(name)::m\($0)::M" })
    }

    /// One module that runs alone.
    package static func sole(
        _ module: Module, exports: ModulePlan.ExportCalls = .none, shape: Shape = .fast
    ) throws(WasmError) -> Crates {
        let plan = ModulePlan(module, isLinkable: false, exports: exports)
        try plan.findThrowing()
        plan.inlines = shape.inlines
        plan.parts = parts(of: module, shape)
        guard plan.parts.last ?? 0 > 0 else {
            plan.parts = []
            let text = head + (try ModuleEmitter.emit(plan, name: "m0"))
            return Crates(stages: [[Crate(name: "code", text: text)]], modules: ["code::m0::M"])
        }
        return try split(module, plan)
    }

    /// A crate of what all share, one for each part of the functions, and one that ties them together. Calls between
    /// parts go by a table of functions, because crates cannot call each other both ways.
    private static func split(_ module: Module, _ plan: ModulePlan) throws(WasmError) -> Crates {
        let emitter = ModuleEmitter(plan: plan)
        var texts = [String](
            repeating: head + "extern crate base;\nuse rt::*;\nuse base::*;\n", count: (plan.parts.last ?? 0) + 1)
        var allowance = Allowance(module)
        for (body, part) in plan.parts.enumerated() {
            texts[part] += try emitter.function(body, part: part, within: &allowance)
        }
        let base = Crate(name: "base", text: head + "use rt::*;\n" + emitter.base)
        let parts = texts.enumerated().map { Crate(name: "part\($0.offset)", text: $0.element) }
        let code = Crate(name: "code", text: head + "extern crate base;\nuse rt::*;\nuse base::*;\n" + emitter.top)
        return Crates(stages: [[base], parts, [code]], modules: ["code::M"])
    }

    /// The part of each body, rising.
    private static func parts(of module: Module, _ shape: Shape) -> [Int] {
        var part = 0
        var (bytes, functions) = (0, 0)
        return module.bodies.map { body in
            let fits = bytes + body.bytes.count <= shape.bytes && functions < shape.functions
            if functions > 0, !fits { (part, bytes, functions) = (part + 1, 0, 0) }
            bytes += body.bytes.count
            functions += 1
            return part
        }
    }

    /// The trusted root: the only crate with exported symbols, which `forbid(unsafe_code)` does not allow.
    package var root: String {
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
        for (type, functions) in plan.crossCalls.sorted(by: { $0.key < $1.key }) {
            text += "pub x\(type): [\(plan.pointer(type)); \(functions.count)],\n"
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
        for (type, functions) in plan.crossCalls.sorted(by: { $0.key < $1.key }) {
            text += "x\(type): [\(functions.map { "\(scope($0))f\($0)" }.joined(separator: ", "))],\n"
        }
        for type in plan.module.types.indices where plan.canonical[type] == type { text += "k\(type): &K\(type),\n" }
        return text + "};\n" + entries(links: ", &LINKS", scope: scope)
    }
}
