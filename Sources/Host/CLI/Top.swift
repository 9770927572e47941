internal import ArgumentParser
internal import Glibc
internal import Transport
internal import Values

struct Top: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a node does: requests, queues, engines, cores, memory and times.",
        discussion: """
            Refreshes until q or Ctrl-C. Times are upper bounds of histogram buckets, of
            what ended since the last refresh.

              dandelion top
              dandelion top --once --json | jq .queue_length
            """)

    @Flag(help: "Show one interval and end.")
    var once = false

    @Flag(help: "Print a line of JSON for each interval.")
    var json = false

    @Option(help: "Seconds between two readings.")
    var interval = 1.0

    @OptionGroup var node: NodeOptions

    func validate() throws {
        guard (0.1...3600).contains(interval) else { throw ValidationError("the interval must be 0.1 to 3600 seconds") }
    }

    func run() throws {
        var before = try reading()
        if !once, !json, let terminal = Terminal() { return live(on: terminal, from: before) }
        repeat {
            usleep(UInt32(interval * 1e6))
            let now = try reading()
            let report = TopReport(interval: between(before, now), node: node.url)
            Output.line(json ? report.json : report.lines.joined(separator: "\n") + (once ? "" : "\n"))
            before = now
        } while !once
    }

    private struct Reading {
        let sample: TopSample
        let time: Double
    }

    private func reading() throws -> Reading {
        let reply = try node.send(NodeRequest("GET", ["metrics"]))
        guard let sample = TopSample(String(decoding: reply.body, as: UTF8.self)) else {
            Output.note("dandelion: what answers at \(node.url) has no /metrics of a node")
            throw ExitCode.failure
        }
        return Reading(sample: sample, time: Self.seconds())
    }

    private func between(_ before: Reading, _ now: Reading) -> TopInterval {
        TopInterval(before: before.sample, now: now.sample, seconds: max(1e-3, now.time - before.time))
    }

    /// Until the user has seen enough; a node that goes away may come back.
    private func live(on terminal: borrowing Terminal, from first: Reading) {
        var before = first
        var lines = ["dandelion \(node.url)", "", "reading for \(TopReport.number(interval)) s"]
        var due = Self.seconds() + interval
        while true {
            terminal.show(lines + ["", "q: quit"])
            let left = due - Self.seconds()
            if left > 0 {
                switch terminal.wait(milliseconds: Int32(left * 1000) + 1) {
                case .quit: return
                case .resized: continue
                case .time: break
                }
            }
            due = Self.seconds() + interval
            do throws(NodeUnreachable) {
                let reply = try node.fetch(NodeRequest("GET", ["metrics"]))
                guard let sample = TopSample(String(decoding: reply.body, as: UTF8.self)) else { continue }
                let now = Reading(sample: sample, time: Self.seconds())
                lines = TopReport(interval: between(before, now), node: node.url).lines
                before = now
            } catch {
                lines = ["dandelion \(node.url)", "", "no answer from the node at \(error)"]
            }
        }
    }

    private static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
