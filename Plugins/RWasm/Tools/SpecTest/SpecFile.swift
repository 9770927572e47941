import CRWasm
import Glibc
import PluginABI
import PluginKit
import RWasmCore

/// One converted file: its modules compiled together, its commands carried out in order.
struct SpecFile {
    let path: String
    let builder: Builder
    let cache: Cache
    let caller: Caller
    private var tally = Tally()
    private var named: [String: LinkedInstance] = [:]
    private var registered: [String: LinkedInstance] = [:]
    private var latest: LinkedInstance?
    /// Why the latest module is not there.
    private var missing: String?
    private var hasSkipped = false
    private var definitions: [String: Loaded] = [:]
    private var latestDefinition: Loaded?

    init(path: String, builder: Builder, cache: Cache, caller: Caller) {
        (self.path, self.builder, self.cache, self.caller) = (path, builder, cache, caller)
    }

    private enum Loaded {
        case module(Module, Int)
        case refused(WasmError)
    }

    /// Nil when the file holds no commands.
    mutating func run() -> Tally? {
        do throws(PluginError) {
            guard let json = JSON(try Files.read(path)) else { throw PluginError(DN_INVALID, "\(path) is no JSON") }
            guard let commands = json["commands"] else { return nil }
            try run(commands.list)
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
        guard !hasSkipped else { return tally.skip("failed after a module that is not supported") }
        tally.failed += 1
        tally.failures.append("line \(line): \(message)")
    }

    private static func reason(_ error: WasmError) -> String { "unsupported: \(error.message)" }

    private mutating func skip(_ error: WasmError) {
        hasSkipped = true
        tally.skip(Self.reason(error))
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
                try module.checkBodies()
                loaded[file] = .module(module, modules.count)
                modules.append(module)
            } catch {
                loaded[file] = .refused(error)
            }
        }
        let code = modules.isEmpty ? nil : try compile(modules)
        let store = try Store(caller)
        for command in commands { carryOut(command, loaded, code, store) }
    }

    private func compile(_ modules: [Module]) throws(PluginError) -> Code {
        let crates = try checked { () throws(WasmError) in try Crates.together(modules, exports: .bySignature) }
        return try Code(try builder.build(crates, .quick, in: cache), .quick)
    }

    // MARK: Commands

    private mutating func carryOut(_ command: JSON, _ loaded: [String: Loaded], _ code: Code?, _ store: Store) {
        let line = command["line"]?.number ?? 0
        let type = command["type"]?.string ?? ""
        let module = command["filename"]?.string.flatMap { loaded[$0] }
        switch type {
        case "module": load(module, command["name"]?.string, code, store, line)
        case "module_definition": define(module, command["name"]?.string, line)
        case "module_instance":
            let definition = command["module"]?.string.map { definitions[$0] } ?? latestDefinition
            load(definition, command["instance"]?.string, code, store, line)
        case "register":
            let instance = command["name"]?.string.flatMap { named[$0] } ?? latest
            if let name = command["as"]?.string, let instance { registered[name] = instance }
        case "assert_invalid", "assert_malformed":
            refuse(command, module, type, line)
        case "assert_unlinkable", "assert_uninstantiable",
            "assert_trap" where module != nil:
            link(module, code, store, line, type)
        case "action", "assert_return", "assert_trap", "assert_exhaustion": act(command, type, store, line)
        default: tally.skip("of the command \(type)")
        }
    }

    /// A module that must not be accepted.
    private mutating func refuse(_ command: JSON, _ module: Loaded?, _ type: String, _ line: Int) {
        guard command["module_type"]?.string != "text" else { return tally.skip(Tally.textual) }
        switch module {
        case .refused(let error) where error.kind == .unsupported: tally.skip(Self.reason(error))
        case .refused: tally.passed += 1
        default: fail(line, "\(type): accepted (\(command["text"]?.string ?? ""))")
        }
    }

    /// A module that is only checked; instances of it may come.
    private mutating func define(_ module: Loaded?, _ name: String?, _ line: Int) {
        latestDefinition = module
        if let name { definitions[name] = module }
        switch module {
        case .module: tally.passed += 1
        case .refused(let error) where error.kind == .unsupported: tally.skip(Self.reason(error))
        case .refused(let error): fail(line, "refused: \(error.message) at \(error.offset)")
        case nil: tally.skip(Tally.textual)
        }
    }

    private func find(_ store: Store) -> (String, String) -> External? {
        { [registered] module, name in
            module == "spectest" ? store.spectest[name] : registered[module]?.export(name)
        }
    }

    private mutating func load(_ module: Loaded?, _ name: String?, _ code: Code?, _ store: Store, _ line: Int) {
        (latest, missing) = (nil, "module of line \(line) is missing")
        switch module {
        case .module(let module, let index):
            guard let code else { return }
            do throws(LinkError) {
                let (instance, trap) = try store.instantiate(module, code.descriptor(index), find: find(store))
                check(trap == nil, line, "instantiation: \(trap?.message ?? "")")
                latest = instance
                if let name { named[name] = instance }
            } catch {
                fail(line, "linking: \(error.message)")
            }
        case .refused(let error) where error.kind == .unsupported:
            missing = Self.reason(error)
            skip(error)
        case .refused(let error): fail(line, "refused: \(error.message) at \(error.offset)")
        case nil:
            missing = Tally.textual
            tally.skip(Tally.textual)
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
            guard reason == Tally.textual || reason.hasPrefix("unsupported") else { return fail(line, reason) }
            return tally.skip(reason)
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
                && zip(values, expected).allSatisfy { SpecValue.matches($0, $1) }
            check(
                matches, line,
                "\(field): \(trap?.message ?? values.map { String($0.high, radix: 16) + ":" + String($0.low, radix: 16) }.joined(separator: " "))"
            )
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
        let arguments = (action?["args"]?.list ?? []).map(SpecValue.value)
        return store.call(instance, function, arguments)
    }
}
