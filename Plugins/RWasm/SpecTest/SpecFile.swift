import CRWasm
import Glibc
import PluginABI
import PluginSupport

/// One converted file: its modules compiled together, its commands carried out in order.
struct SpecFile {
    let path: String
    let builder: Builder
    let cache: String
    let runner: OpaquePointer
    private var tally = Tally()
    private var named: [String: LinkedInstance] = [:]
    private var registered: [String: LinkedInstance] = [:]
    private var latest: LinkedInstance?
    /// Why the latest module is not there.
    private var missing: String?
    private var hasSkipped = false

    init(path: String, builder: Builder, cache: String, runner: OpaquePointer) {
        (self.path, self.builder, self.cache, self.runner) = (path, builder, cache, runner)
    }

    private enum Loaded {
        case module(Module, Int)
        case refused(WasmError)
    }

    mutating func run() -> Tally {
        do throws(PluginError) {
            guard let json = JSON(try Files.read(path)) else { throw PluginError(DN_INVALID, "\(path) is no JSON") }
            try run(json["commands"]?.list ?? [])
        } catch {
            fail(0, error.message)
        }
        return tally
    }

    private var folder: String {
        path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    }

    private mutating func fail(_ line: Int, _ message: String) {
        // A module that was left out may have been the one to change what this looks at.
        if hasSkipped {
            tally.unsupported["failed after a module that is not supported", default: 0] += 1
            return
        }
        tally.failed += 1
        tally.failures.append("line \(line): \(message)")
    }

    private mutating func skip(_ error: WasmError) {
        hasSkipped = true
        tally.unsupported["unsupported: \(error.message)", default: 0] += 1
    }

    private mutating func check(_ condition: Bool, _ line: Int, _ message: @autoclosure () -> String) {
        if condition { tally.passed += 1 } else { fail(line, message()) }
    }

    private mutating func run(_ commands: [JSON]) throws(PluginError) {
        var loaded: [String: Loaded] = [:]
        var modules: [Module] = []
        for command in commands {
            guard let file = command["filename"]?.string, command["module_type"]?.string != "text" else { continue }
            let bytes = try Files.read("\(folder)/\(file)")
            do throws(WasmError) {
                let module = try ModuleDecoder.decode(bytes)
                for body in module.bodies.indices { _ = try FunctionReader.read(module, body, into: NullSink()) }
                loaded[file] = .module(module, modules.count)
                modules.append(module)
            } catch {
                loaded[file] = .refused(error)
            }
        }
        let code = modules.isEmpty ? nil : try compile(modules)
        let store = try Store(runner: runner)
        for command in commands { carryOut(command, loaded, code, store) }
    }

    private func compile(_ modules: [Module]) throws(PluginError) -> Code {
        let crates: Crates
        do throws(WasmError) {
            crates = try Crates.linkable(modules)
        } catch {
            throw PluginError(error)
        }
        let object = "\(cache)/\(path.split(separator: "/").last ?? "spec").so"
        try builder.build(crates, .quick, to: object, in: cache)
        defer { unlink(object) }
        return try Code(object, .quick)
    }

    // MARK: Commands

    private mutating func carryOut(_ command: JSON, _ loaded: [String: Loaded], _ code: Code?, _ store: Store) {
        let line = command["line"]?.number ?? 0
        let type = command["type"]?.string ?? ""
        let module = command["filename"]?.string.flatMap { loaded[$0] }
        switch type {
        case "module": load(command, module, code, store, line)
        case "register":
            let instance = command["name"]?.string.flatMap { named[$0] } ?? latest
            if let name = command["as"]?.string, let instance { registered[name] = instance }
        case "assert_invalid", "assert_malformed":
            guard command["module_type"]?.string != "text" else {
                tally.textual += 1
                return
            }
            if case .refused = module {
                tally.passed += 1
            } else {
                fail(line, "\(type): accepted (\(command["text"]?.string ?? ""))")
            }
        case "assert_unlinkable", "assert_uninstantiable",
            "assert_trap" where module != nil:
            link(module, code, store, line, type)
        case "action", "assert_return", "assert_trap", "assert_exhaustion": act(command, type, store, line)
        default: tally.unsupported["of the command \(type)", default: 0] += 1
        }
    }

    private func find(_ store: Store) -> (String, String) -> External? {
        { [registered] module, name in
            module == "spectest" ? store.spectest[name] : registered[module]?.export(name)
        }
    }

    private mutating func load(_ command: JSON, _ module: Loaded?, _ code: Code?, _ store: Store, _ line: Int) {
        (latest, missing) = (nil, "module of line \(line) is missing")
        switch module {
        case .module(let module, let index):
            guard let code else { return }
            do throws(LinkError) {
                let (instance, trap) = try store.instantiate(module, code.descriptor(index), find: find(store))
                check(trap == nil, line, "instantiation: \(trap?.message ?? "")")
                latest = instance
                if let name = command["name"]?.string { named[name] = instance }
            } catch {
                fail(line, "linking: \(error.message)")
            }
        case .refused(let error) where error.kind == .unsupported:
            missing = "unsupported: \(error.message)"
            skip(error)
        case .refused(let error): fail(line, "refused: \(error.message) at \(error.offset)")
        case nil:
            missing = "text"
            tally.textual += 1
        }
    }

    private mutating func link(_ module: Loaded?, _ code: Code?, _ store: Store, _ line: Int, _ type: String) {
        guard case .module(let module, let index) = module, let code else {
            if case .refused(let error) = module, error.kind == .unsupported { return skip(error) }
            if case .refused(let error) = module { return fail(line, "\(type): refused: \(error.message)") }
            return fail(line, "\(type): the module is refused")
        }
        do throws(LinkError) {
            let (_, trap) = try store.instantiate(module, code.descriptor(index), find: find(store))
            check(type != "assert_unlinkable" && trap != nil, line, "\(type): instantiated")
        } catch {
            check(type == "assert_unlinkable", line, "\(type): \(error.message)")
        }
    }

    // MARK: Actions

    private mutating func act(_ command: JSON, _ type: String, _ store: Store, _ line: Int) {
        let action = command["action"]
        let name = action?["module"]?.string
        guard let instance = name.map({ named[$0] }) ?? latest else {
            let reason = missing ?? "the module is not there"
            if reason == "text" { return tally.textual += 1 }
            if reason.hasPrefix("unsupported") {
                tally.unsupported[reason, default: 0] += 1
            } else {
                fail(line, reason)
            }
            return
        }
        guard let field = action?["field"]?.string, let (values, trap) = result(action, instance, field, store) else {
            return fail(line, "no export \(action?["field"]?.string ?? "")")
        }
        let text = command["text"]?.string ?? ""
        switch type {
        case "assert_trap", "assert_exhaustion":
            let found = trap.map { $0 == .tableBounds && text == "undefined element" ? text : $0.message }
            check(
                found.map { text.hasPrefix($0) || $0.hasPrefix(text) } ?? false, line,
                "\(field): \(found ?? "no trap") instead of \(text)")
        case "action": check(trap == nil, line, "\(field): \(trap?.message ?? "")")
        default:
            let expected = command["expected"]?.list ?? []
            let matches =
                trap == nil && values.count == expected.count
                && zip(values, expected).allSatisfy { Self.matches($0, $1) }
            check(
                matches, line,
                "\(field): \(trap?.message ?? values.map { String($0.low, radix: 16) }.joined(separator: " "))")
        }
    }

    private func result(
        _ action: JSON?, _ instance: LinkedInstance, _ field: String, _ store: Store
    ) -> (values: [rwasm_value], trap: Trap?)? {
        if action?["type"]?.string == "get" {
            guard case .global(let place, _) = instance.export(field) else { return nil }
            return ([place.pointee], nil)
        }
        guard let function = instance.module.export(field, .function) else { return nil }
        let arguments = (action?["args"]?.list ?? []).map(Self.value)
        return store.call(instance, function, arguments)
    }

    private static func value(_ json: JSON) -> rwasm_value {
        let text = json["value"]?.string ?? "0"
        guard json["type"]?.string == "externref" else {
            let bits = UInt64(text) ?? Int64(text).map(UInt64.init(bitPattern:)) ?? 0
            return rwasm_value(low: json["type"]?.string?.hasSuffix("32") == true ? bits & 0xffff_ffff : bits, high: 0)
        }
        return rwasm_value(low: text == "null" ? 0 : (UInt64(text) ?? 0) + 1, high: 0)
    }

    private static func matches(_ value: rwasm_value, _ expected: JSON) -> Bool {
        let text = expected["value"]?.string
        switch (expected["type"]?.string, text) {
        case ("f32", "nan:canonical"): return value.low & 0x7fff_ffff == 0x7fc0_0000
        case ("f32", "nan:arithmetic"): return value.low & 0x7fc0_0000 == 0x7fc0_0000
        case ("f64", "nan:canonical"): return value.low & (~0 >> 1) == 0x7ff8_0000_0000_0000
        case ("f64", "nan:arithmetic"): return value.low & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000
        case ("funcref", nil), ("externref", nil): return value.low != 0
        case ("funcref", _) where text != "null": return value.low != 0
        case ("refnull", _): return value.low == 0
        default: return value.low == Self.value(expected).low
        }
    }
}
