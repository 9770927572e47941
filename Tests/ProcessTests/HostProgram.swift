import Glibc
import PluginHarness
import TestSupport

/// The small host of Programs/host.c: in a process of its own, so that what it holds can be counted and it can be killed.
final class HostProgram {
    let pid: pid_t
    private let output: Int32

    /// Compiles the program and starts it on the plugin under test.
    init(_ arguments: [String]) throws {
        let file = "\(#filePath)"
        let folder = "/" + file.split(separator: "/").dropLast().joined(separator: "/")
        let program = "\(Temporary.folder)/dandelion-host-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let include = "\(folder)/../../Sources/PluginABI/include"
        let compiler = try start(
            [
                "clang", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-I", include, "\(folder)/Programs/host.c",
                "-o", program,
            ],
            output: nil)
        var status: Int32 = 0
        guard waitpid(compiler, &status, 0) == compiler, status == 0 else {
            throw HarnessError(-1, "clang failed on Programs/host.c")
        }
        defer { unlink(program) }
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw HarnessError(-1, "no pipe") }
        pid = try start([program, processPlugin] + arguments, output: ends[1])
        close(ends[1])
        output = ends[0]
        // Its first line says that it runs, so that its file can go.
        guard line()?.hasPrefix("empty") == true else { throw HarnessError(-1, "the host program did not start") }
    }

    deinit { close(output) }

    /// The next line that it prints, nil at its end.
    func line() -> String? {
        var text: [UInt8] = []
        var byte: UInt8 = 0
        while read(output, &byte, 1) == 1 {
            if byte == 10 { return String(decoding: text, as: UTF8.self) }
            text.append(byte)
        }
        return nil
    }

    /// Waits for its end: the wait status.
    func wait() -> Int32 {
        var status: Int32 = 0
        return waitpid(pid, &status, 0) == pid ? status : -1
    }
}

/// What the program printed about itself: descriptors, mappings, children, KiB of shared memory.
struct Holdings: Equatable {
    let descriptors: Int
    let mappings: Int
    let children: Int
    let sharedKiB: Int

    init?(_ line: String?, _ when: String) {
        let words = line?.split(separator: " ") ?? []
        let numbers = words.dropFirst().compactMap { Int($0) }
        guard words.first.map(String.init) == when, numbers.count == 4 else { return nil }
        (descriptors, mappings, children, sharedKiB) = (numbers[0], numbers[1], numbers[2], numbers[3])
    }
}

private func start(_ arguments: [String], output: Int32?) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let output { posix_spawn_file_actions_adddup2(&actions, output, 1) }
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    argv.append(nil)
    defer { for argument in argv { free(argument) } }
    var pid = pid_t()
    guard let program = argv.first, let program, posix_spawnp(&pid, program, &actions, nil, argv, environ) == 0 else {
        throw HarnessError(-1, "cannot start \(arguments[0])")
    }
    return pid
}
