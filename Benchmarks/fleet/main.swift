import Glibc

// What the nodes' own routing policy (Sources/Host/Fleet/RoutingPolicy.swift) makes of 10 to 1000 nodes. See README.md.

func show(_ seconds: Double) -> String {
    func number(_ value: Double) -> String {
        let text = String(Int((value * 10).rounded()))
        return value < 0.05 ? "0" : text.count == 1 ? "0.\(text)" : "\(text.dropLast()).\(text.last ?? "0")"
    }
    return seconds < 1 ? "\(number(seconds * 1000)) ms" : "\(number(seconds)) s"
}

func percent(_ part: Double) -> String { "\(Int((part * 100).rounded())) %" }

func measure(_ setup: Setup, _ strategy: Strategy, _ trace: Trace) -> Figures {
    var simulation = Simulation(setup, strategy, trace)
    return simulation.run()
}

let isQuick = CommandLine.arguments.contains("--quick")
let folder = CommandLine.arguments.dropFirst().first { !$0.hasPrefix("--") } ?? "Benchmarks/data/azure_100"
let trace = Trace(folder: folder, longest: 2)

if isQuick {
    // The policy is worth it, and never better than what cannot be beaten.
    var setup = Setup()
    (setup.requests, setup.load, setup.hot) = (20_000, 0.8, 0.2)
    let all = Dictionary(uniqueKeysWithValues: Strategy.allCases.map { ($0, measure(setup, $0, trace)) })
    guard let fleet = all[.fleet], let random = all[.random], let central = all[.central], fleet.p99 < random.p99 / 2,
        fleet.mean >= central.mean, fleet.passedOn > 0.05
    else {
        print("the policy is no better than none: \(all)")
        exit(1)
    }
    exit(0)
}

print("| nodes | load | requests come | strategy | wait p50 | wait p99 | mean | utilisation | passed on |")
print("|---|---|---|---|---|---|---|---|---|")
for nodes in [10, 100, 1000] {
    for (load, hot, burst, how) in [(0.7, 1.0, 1.0, "evenly"), (0.9, 1, 1, "evenly"), (0.7, 0.1, 1, "half at a tenth"), (0.6, 1, 4, "in bursts of 4")] {
        for strategy in Strategy.allCases {
            let setup = Setup(nodes: nodes, load: load, hot: hot, burst: burst, requests: max(100_000, nodes * 300))
            let figures = measure(setup, strategy, trace)
            print(
                "| \(nodes) | \(percent(load)) | \(how) | \(strategy.rawValue) | \(show(figures.p50)) | \(show(figures.p99)) | "
                    + "\(show(figures.mean)) | \(percent(figures.utilisation)) | "
                    + "\(strategy == .fleet ? percent(figures.passedOn) : "") |")
            fflush(nil)
        }
    }
}
