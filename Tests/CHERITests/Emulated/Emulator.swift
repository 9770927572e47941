import CCHERI
import Foundation
import Synchronization
import Testing

/// The emulator that DANDELION_MORELLO_QEMU names: a qemu-system-morello.
enum Emulator {
    static let path: String? = {
        guard let path = ProcessInfo.processInfo.environment["DANDELION_MORELLO_QEMU"] else {
            print(
                "tests on an emulated Morello processor are skipped: DANDELION_MORELLO_QEMU names no qemu-system-morello"
            )
            return nil
        }
        if access(path, X_OK) == 0 { return path }
        print("tests on an emulated Morello processor are skipped: \(path) is not executable")
        return nil
    }()
    static let reason: Comment = "DANDELION_MORELLO_QEMU names no emulator"

    private static let builds = Mutex<[String: [UInt8]]>([:])

    /// The test machine's image with this text of the trampoline. Built once for each.
    static func machine(trampoline: String) throws -> [UInt8] {
        if let built = builds.withLock({ $0[trampoline] }) { return built }
        let folder = try Tools.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try trampoline.write(toFile: "\(folder)/trampoline.S", atomically: true, encoding: .utf8)
        let sources =
            ["kernel.c", "pages.c", "host.c", "kernel_entry.S", "host_entry.S"].map { "\(Tools.tests)/Machine/\($0)" }
            + ["\(folder)/trampoline.S"]
        var objects: [String] = []
        for source in sources {
            let name = URL(fileURLWithPath: source).deletingPathExtension().lastPathComponent
            let object = "\(folder)/\(name).o"
            try Tools.must(
                [
                    "clang", "--target=aarch64-none-elf", "-std=gnu11", "-ffreestanding", "-O1", "-fno-pic",
                    "-fno-stack-protector", "-Wall", "-Wextra", "-Werror", "-I\(Tools.shim)", "-I\(Tools.shim)/include",
                    "-I\(Tools.kit)/include", "-I\(Tools.tests)/Machine", "-c", source, "-o", object,
                ] + (source.hasSuffix(".c") ? ["-mgeneral-regs-only"] : []))
            objects.append(object)
        }
        let image = "\(folder)/machine.elf"
        try Tools.must(["ld.lld", "-T", "\(Tools.tests)/Machine/link.ld"] + objects + ["-o", image])
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: image)))
        builds.withLock { $0[trampoline] = bytes }
        return bytes
    }

    static func trampoline() throws -> String {
        try String(contentsOfFile: "\(Tools.shim)/trampoline.S", encoding: .utf8)
    }
}

/// An emulated machine that runs Tests/CHERITests/Machine, from the first request to the object's end: one EL0 program
/// serves every run, as an engine's thread does.
///
/// SAFETY of @unchecked Sendable: one thread at a time uses it, the one whose engine it is.
final class EmulatedMachine: @unchecked Sendable {
    private let process = Process()
    private let folder: String
    private let requests: Int32
    private let responses: Int32

    struct Gone: Error, CustomStringConvertible { let description: String }

    init(trampoline: String) throws {
        folder = try Tools.folder()
        let image = "\(folder)/machine.elf"
        try Data(Emulator.machine(trampoline: trampoline)).write(to: URL(fileURLWithPath: image))
        mkfifo("\(folder)/requests", 0o600)
        mkfifo("\(folder)/responses", 0o600)
        // Both ends of both, so that no open waits for the emulator.
        requests = open("\(folder)/requests", O_RDWR | O_NONBLOCK | O_CLOEXEC)
        responses = open("\(folder)/responses", O_RDWR | O_NONBLOCK | O_CLOEXEC)
        process.executableURL = URL(fileURLWithPath: try #require(Emulator.path))
        process.arguments = [
            "-M", "virt", "-cpu", "morello", "-m", "512", "-display", "none", "-serial", "none", "-monitor", "none",
            "-nodefaults", "-semihosting", "-kernel", image,
        ]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        // It may be waiting for a request, where it takes no other signal.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        close(requests)
        close(responses)
        try? FileManager.default.removeItem(atPath: folder)
    }

    func send(_ bytes: UnsafeRawBufferPointer) throws {
        try transfer(bytes.count, requests, Int16(POLLOUT)) { done in
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            return write(requests, rest.baseAddress, rest.count)
        }
    }

    func receive(_ bytes: UnsafeMutableRawBufferPointer) throws {
        try transfer(bytes.count, responses, Int16(POLLIN)) { done in
            let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
            return read(responses, rest.baseAddress, rest.count)
        }
    }

    func receive<T: BitwiseCopyable>(_ initial: T) throws -> T {
        var value = initial
        try withUnsafeMutableBytes(of: &value) { try receive($0) }
        return value
    }

    private func transfer(_ count: Int, _ file: Int32, _ event: Int16, _ move: (Int) -> Int) throws {
        var done = 0
        var patience = 600
        while done < count {
            let moved = move(done)
            if moved > 0 {
                done += moved
                continue
            }
            var ready = pollfd(fd: file, events: event, revents: 0)
            if poll(&ready, 1, 100) > 0 { continue }
            patience -= 1
            guard process.isRunning, patience > 0 else {
                throw Gone(
                    description: process.isRunning ? "the emulated machine hangs" : "the emulated machine has ended")
            }
        }
    }
}
