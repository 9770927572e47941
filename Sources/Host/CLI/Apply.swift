internal import ArgumentParser
internal import Config
internal import Transport
internal import Values

struct Apply: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Have a node be as a folder says.",
        discussion: """
            The folder's file dandelion.project.toml names functions with their images,
            compositions, aliases and schedules (Docs/operating.md, "Projects"). What is
            there already is left alone, so that it can be applied again and again; one
            that was stopped half-way goes on where it was.

              dandelion apply . --dry-run
              dandelion apply . --prune
            """)

    @Argument(help: "The folder.")
    var folder: String

    @Flag(help: "Only tell what would change.")
    var dryRun = false

    @Flag(help: "Also remove what the project does not name.")
    var prune = false

    @OptionGroup var node: NodeOptions

    func run() throws {
        let project = try ConfigFile.telling { () throws(ConfigError) in try Project.load(folder) }
        try ProjectChange(node: node, folder: folder, project: project, isDry: dryRun).run(pruning: prune)
    }
}

/// Brings a node to what a project says, step by step; every step is told.
struct ProjectChange {
    let node: NodeOptions
    let folder: String
    let project: Project
    var isDry = false

    func run(pruning: Bool) throws {
        let plan = ProjectPlan(node: node, folder: folder, project: project)
        var done: [ProjectStep] = []
        for function in project.functions { done += try take(plan.step(for: function)) }
        let functions = Set(project.functions.map(\.name.value))
        func changing() -> Set<String> { isDry ? Set(done.filter { $0.sign == .change }.map(\.name)) : [] }
        func isOfFunction(_ alias: Project.Alias) -> Bool {
            functions.contains(String(alias.name.value.prefix { $0 != "@" }))
        }
        // Compositions may call aliases of functions, and have some.
        for alias in project.aliases where isOfFunction(alias) {
            done += try take(plan.step(for: alias, isChanging: changing()))
        }
        done += try compositions(plan)
        for alias in project.aliases where !isOfFunction(alias) {
            done += try take(plan.step(for: alias, isChanging: changing()))
        }
        for schedule in project.schedules { done += try take(plan.step(for: schedule)) }
        if pruning { done += try prune(plan) }
        for secret in project.secrets {
            Output.line("  needs the secret '\(secret)' at the node: dandelion secret set \(secret)")
        }
        func count(_ sign: ProjectStep.Sign) -> Int { done.count { $0.sign == sign } }
        let words = isDry ? "would be" : "were"
        Output.line(
            done.isEmpty
                ? "nothing to change"
                : "\(count(.make)) \(words) made, \(count(.change)) changed, \(count(.remove)) removed")
    }

    private func take(_ step: ProjectStep?) throws -> [ProjectStep] {
        guard let step else { return [] }
        if !isDry {
            let reply = try node.reach(step.request)
            guard reply.isSuccess else {
                Output.note("\(step.kind) \(step.name): \(NodeOptions.problem(reply))")
                throw ExitCode.failure
            }
        }
        tell(step)
        return [step]
    }

    private func tell(_ step: ProjectStep) {
        Output.line(step.line.filter { !$0.isEmpty }.joined(separator: "  "))
    }

    /// Compositions in the order of the file, but that one which calls another comes after it.
    private func compositions(_ plan: ProjectPlan) throws -> [ProjectStep] {
        try takeAll(try project.compositions.compactMap { try plan.step(for: $0) })
    }

    /// In any order that the node takes: as long as one more succeeds.
    private func takeAll(_ steps: [ProjectStep]) throws -> [ProjectStep] {
        guard !isDry else {
            steps.forEach(tell)
            return steps
        }
        var (waiting, done) = (steps, [ProjectStep]())
        while !waiting.isEmpty {
            var refused: [(step: ProjectStep, problem: String)] = []
            for step in waiting {
                let reply = try node.reach(step.request)
                if reply.isSuccess {
                    tell(step)
                    done.append(step)
                } else {
                    refused.append((step, NodeOptions.problem(reply)))
                }
            }
            if refused.count == waiting.count {
                for one in refused { Output.note("\(one.step.kind) \(one.step.name): \(one.problem)") }
                throw ExitCode.failure
            }
            waiting = refused.map(\.step)
        }
        return done
    }

    // MARK: Pruning

    /// What calls something goes before it.
    private func prune(_ plan: ProjectPlan) throws -> [ProjectStep] {
        var done: [ProjectStep] = []
        let schedules = Set(project.schedules.map(\.name.value))
        for name in try node.names("schedules") where !schedules.contains(name) {
            done += try take(removal("schedule", "schedules", name))
        }
        let texts = Set(try project.compositions.map { try Input.read("\(folder)/\($0.text.value)") })
        let named = Set(project.compositions.map(\.name.value))
        let compositions = try node.names("compositions").filter { name in
            // Others of a text that the project has stay with it.
            guard !named.contains(name), let text = try plan.facts("compositions", name)?["text"]?.text else {
                return false
            }
            return !texts.contains(Array(text.utf8))
        }
        done += try takeAll(compositions.map { removal("composition", "compositions", $0) })
        let functions = Set(project.functions.map(\.name.value))
        let aliases = Set(project.aliases.map(\.name.value))
        for name in try node.names("aliases") where !aliases.contains(name) {
            let base = String(name.prefix(upTo: name.lastIndex(of: "@") ?? name.endIndex))
            guard functions.contains(base) || named.contains(base) else { continue }
            done += try take(removal("alias", "aliases", name))
        }
        for name in try node.names("functions") where !functions.contains(name) {
            done += try take(removal("function", "functions", name))
        }
        return done
    }

    private func removal(_ kind: String, _ collection: String, _ name: String) -> ProjectStep {
        ProjectStep(
            sign: .remove, kind: kind, name: name, difference: "",
            request: NodeRequest("DELETE", ["v1", collection, name]))
    }
}

extension NodeOptions {
    /// Of everything in a collection; none where the node has no such collection.
    func names(_ collection: String) throws -> [String] {
        var names: [String] = []
        var after: String?
        repeat {
            let reply = try reach(NodeRequest("GET", ["v1", collection], ["after": after]))
            if reply.status == 404 { return [] }
            guard reply.isSuccess else { throw Self.refused(reply) }
            let page = try Self.json(reply)
            names += (page[collection]?.elements ?? []).compactMap { $0["name"]?.text }
            after = page["next"]?.text
        } while after != nil
        return names
    }
}
