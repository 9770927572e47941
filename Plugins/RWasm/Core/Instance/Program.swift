import PluginABI
package import PluginKit

/// What a run of a module is made of, whatever runs it: the calls, and where inputs and outputs are told.
package struct Program: Sendable {
    /// A call that a run makes.
    package struct Step: Sendable {
        package enum Argument: Sendable { case none, entryBlock, exitCode }
        package var isShim = false
        package var function: UInt32
        package var argument = Argument.none
        /// Its result is the exit code.
        package var givesCode = false
    }

    package let instantiable: InstantiableModule
    /// What serves its imports; nil for a module of the platform's own form.
    package let server: WasiServer?
    package let steps: [Step]
    /// An address in the front memory.
    package let systemData: UInt64?
    /// The server's functions, by imported function.
    package let served: [UInt32]

    package init(_ instantiable: InstantiableModule, server: WasiServer?) throws(PluginError) {
        (self.instantiable, self.server) = (instantiable, server)
        let entries = try Self.entries(of: instantiable.module, isServed: server != nil)
        if let server {
            systemData = server.systemData
            steps =
                [Step(isShim: true, function: server.begin, argument: .entryBlock)] + entries
                + [Step(isShim: true, function: server.finish, argument: .exitCode)]
            served = try server.functions(for: instantiable.module)
        } else {
            systemData = try instantiable.systemData()
            steps = entries
            served = []
        }
    }

    /// The module whose memory holds inputs and outputs.
    package var front: InstantiableModule { server?.instantiable ?? instantiable }

    private static func entries(of module: Module, isServed: Bool) throws(PluginError) -> [Step] {
        let initialize = module.export("_initialize", .function)
        let isReactor = isServed && initialize != nil
        let names = module.entry.map { [$0] } ?? (isReactor ? ModulePlan.entryNames : ["_start"])
        let entry = names.lazy.compactMap { module.export($0, .function) }.first
        guard let entry else {
            throw PluginError(
                DN_BAD_IMAGE, "the module exports no function \(names.joined(separator: ", ")); \(others(module))")
        }
        let givesCode = isReactor || module.entry != nil
        let setUp = [module.start, initialize].compactMap { $0 }.map { Step(function: UInt32($0)) }
        for step in setUp { try check(module, step.function, [[]], [[]]) }
        try check(
            module, UInt32(entry), isServed && givesCode ? [[], [.i32, .i32]] : [[], [.i32]],
            givesCode ? [[], [.i32]] : [[]])
        return setUp + [
            Step(
                function: UInt32(entry), argument: isServed ? .none : .entryBlock,
                givesCode: !module.type(ofFunction: entry).results.isEmpty)
        ]
    }

    /// What it has that could be named.
    private static func others(_ module: Module) -> String {
        let most = 20
        let names = module.exports.filter { $0.kind == .function }.map(\.name)
        if names.isEmpty { return "it exports no function at all" }
        return "'entry' can name one of those that it does export: \(names.prefix(most).joined(separator: ", "))"
            + (names.count > most ? " and \(names.count - most) more" : "")
    }

    private static func check(
        _ module: Module, _ function: UInt32, _ parameters: [[ValueType]], _ results: [[ValueType]]
    ) throws(PluginError) {
        let type = module.type(ofFunction: Int(function))
        guard parameters.contains(type.parameters), results.contains(type.results) else {
            throw PluginError(
                DN_BAD_IMAGE,
                "the module's entry takes or gives values that the platform does not know: _start takes nothing or one "
                    + "i32, and gives nothing")
        }
    }
}
