import Glibc
import PluginABI
import PluginHarness
import TestSupport
import Testing

/// Nothing is left behind: no process, descriptor, mapping or memory.
@Suite struct Life {
    @Test(arguments: Reuse.allCases) func twoThousandRunsLeaveNothing(reuse: Reuse) throws {
        var images: [String] = []
        defer { for image in images { unlink(image) } }
        // Leaving, faulting, filling memory, filling the stack, calling the system, overwriting the backend's pages.
        for guest in ["hello", "access", "mark", "recurse", "system_call", "original"] {
            let path = "\(Temporary.folder)/dandelion-soak-\(getpid())-\(guest).elf"
            try write(try GuestCompiler.image(guest), to: path)
            images.append(path)
        }
        let host = try HostProgram(reuse.words + ["soak", "2000"] + images)
        let before = try #require(Holdings(host.line(), "before"))
        let after = try #require(Holdings(host.line(), "after"))
        let end = try #require(Holdings(host.line(), "end"))
        #expect(host.wait() == 0)
        #expect(after.descriptors == before.descriptors)
        #expect(after.mappings == before.mappings)
        // Two zygotes with a child each; when a child is counted that was asked for a moment ago is its zygote's business.
        #expect(after.children <= 4)
        // Two sandboxes keep at most resident_bytes (2 MiB) and a page each.
        #expect(after.sharedKiB <= before.sharedKiB + 2 * 2048 + 64, "\(before) \(after)")
        #expect(end.children == 0)
        #expect(end.sharedKiB < 1024)
    }

    @Test(arguments: Reuse.allCases) func anEngineTakesEverythingAlong(reuse: Reuse) throws {
        let host = try HostProgram(reuse.words + ["soak", "1"])
        let end = try #require(Holdings(host.line(), "end"))
        #expect(host.wait() == 0)
        #expect(end.children == 0)
        #expect(end.sharedKiB == 0)
    }

    /// Whichever of its processes somebody kills between two runs, zygote or child: an engine goes on, at the latest with the
    /// run after the next.
    @Test func whoeverIsKilledIsReplaced() throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        let engine = try HarnessEngine(plugin)
        let hello = try plugin.load(try GuestCompiler.image("hello"))
        var killed: Set<pid_t> = []
        for round in 0..<24 {
            #expect(try engine.invoke(hello).outcome == DN_RUN_EXITED, "round \(round)")
            var all: [pid_t] = []
            for _ in 0..<500 where all.isEmpty {
                // Whoever is dead is seen until its end is taken note of.
                all = try processes(parent: getpid()).filter { !killed.contains($0) }
                usleep(1000)
            }
            let victim = try #require(all.sorted().dropFirst(round % all.count).first)
            kill(victim, SIGKILL)
            killed.insert(victim)
            // The run that notices may fail, with an error that says so and may be tried again.
            do { _ = try engine.invoke(hello) } catch {
                #expect(error.description.contains("ended"), "round \(round): \(error)")
            }
        }
        engine.destroy()
        #expect(try processes(parent: getpid()).isEmpty)
    }

    /// Zygotes and the processes of functions hold no right, and no list of rights to come.
    @Test func processesHaveNoPrivileges() throws {
        let engine = try HarnessEngine(try HarnessPlugin(file: processPlugin))
        defer { engine.destroy() }
        var found: [pid_t] = []
        for _ in 0..<200 where found.count < 4 {
            usleep(10_000)
            found = try processes(parent: getpid())
        }
        #expect(found.count >= 4, "two zygotes with a child each: \(found)")
        for pid in found {
            let status = String(decoding: try fileBytes("/proc/\(pid)/status"), as: UTF8.self).split(separator: "\n")
            func field(_ name: String) -> Substring? {
                status.first { $0.hasPrefix("\(name):") }?.split(separator: "\t").last
            }
            var sets = ["CapInh", "CapPrm", "CapEff", "CapAmb"]
            if geteuid() == 0 { sets.append("CapBnd") }
            for set in sets { #expect(field(set) == "0000000000000000", "\(pid): \(set) \(field(set) ?? "")") }
            #expect(field("NoNewPrivs") == "1" && field("Seccomp") == "2")
        }
    }

    /// A host that is killed takes its zygotes and children with it.
    @Test(arguments: Reuse.allCases) func processesDieWithAKilledHost(reuse: Reuse) throws {
        let host = try HostProgram(reuse.words + ["hold"])
        #expect(host.line() == "ready")
        var left = try processes(parent: host.pid)
        #expect(left.count == 4, "two zygotes with a child each: \(left)")
        kill(host.pid, SIGKILL)
        _ = host.wait()
        for _ in 0..<200 where !left.isEmpty {
            usleep(10_000)
            left = left.filter { lives($0) }
        }
        #expect(left.isEmpty, "\(left) live on")
    }

    private func lives(_ pid: pid_t) -> Bool {
        let stat = (try? fileBytes("/proc/\(pid)/stat")) ?? []
        return !stat.isEmpty && !String(decoding: stat, as: UTF8.self).contains(") Z ")
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard fd >= 0 else { throw HarnessError(-1, "cannot write \(path)") }
        defer { close(fd) }
        guard Glibc.write(fd, bytes, bytes.count) == bytes.count else { throw HarnessError(-1, "cannot write \(path)") }
    }
}

extension Reuse {
    /// What makes the host program let the plugin do so.
    fileprivate var words: [String] { self == .reset ? ["signals"] : [] }
}
