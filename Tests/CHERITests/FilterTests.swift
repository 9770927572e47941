import CCHERI
import Glibc
import PluginABI
import PluginHarness
import Testing

@testable import CHERICore

// Written by the handler of the thread under test, read after it returned to that thread.
private nonisolated(unsafe) let caught = UnsafeMutablePointer<(signal: Int32, call: Int32)>.allocate(capacity: 1)

/// The filter of system calls is the same on every machine, so this one's kernel shows that it works.
@Suite(.serialized) struct FilterTests {
    #if arch(x86_64)
        /// mov $getpid, %eax; syscall; ret
        private static let code: [UInt8] = [0xb8, 0x27, 0, 0, 0, 0x0f, 0x05, 0xc3]
    #else
        /// mov x8, #getpid; svc #0; ret
        private static let code: [UInt8] = [
            0x88, 0x15, 0x80, 0xd2, 0x01, 0, 0, 0xd4, 0xc0, 0x03, 0x5f, 0xd6,
        ]
    #endif
    private typealias Call = @convention(c) () -> Int

    private static func place(_ code: [UInt8], at memory: UnsafeMutableRawPointer) -> Call {
        mprotect(memory, 4096, PROT_READ | PROT_WRITE)
        memory.copyMemory(from: code, byteCount: code.count)
        mprotect(memory, 4096, PROT_READ | PROT_EXEC)
        return unsafeBitCast(memory, to: Call.self)
    }

    @Test func systemCallsFromTheArenaMeetASignalAndOthersDoNot() throws {
        try #require(cheri_can_filter() == 1)
        var settings = Settings()
        settings.arenaBytes = 8 << 30
        let arena = try Arena(settings)
        let first = try arena.take()
        let outside = try #require(mmap(nil, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        let last = try #require(UnsafeMutableRawPointer(bitPattern: UInt(arena.range.upperBound - 8192)))
        let calls = [outside, first, last].map { Self.place(Self.code, at: $0) }
        let range = arena.range
        // A thread of its own: a filter cannot be taken back.
        nonisolated(unsafe) var seen: [(Int, Int32, Int32)] = []
        nonisolated(unsafe) var status: Int32 = -1
        try onThread {
            var action = sigaction()
            action.__sigaction_handler.sa_sigaction = { signo, info, _ in
                // Safe: the kernel passes a siginfo_t; si_syscall follows the address in it.
                let raw = UnsafeRawPointer(info)
                caught.pointee = (signo, raw?.load(fromByteOffset: 24, as: Int32.self) ?? 0)
            }
            action.sa_flags = SA_SIGINFO | Int32(bitPattern: UInt32(SA_NODEFER))
            var old = sigaction()
            sigaction(SIGSYS, &action, &old)
            status = cheri_filter_system_calls(range.lowerBound, range.upperBound)
            for call in calls {
                caught.pointee = (0, 0)
                seen.append((call(), caught.pointee.signal, caught.pointee.call))
            }
            sigaction(SIGSYS, &old, nil)
        }
        #expect(status == 0 && seen.count == 3)
        #expect(seen[0] == (Int(getpid()), 0, 0))
        for inside in seen.dropFirst() { #expect(inside.1 == SIGSYS && inside.2 == Int32(SYS_getpid_number)) }
        // The next thread is free of it.
        #expect(calls[1]() == Int(getpid()))
    }

    private var SYS_getpid_number: Int {
        #if arch(x86_64)
            39
        #else
            172
        #endif
    }

    private func onThread(_ body: @escaping () -> Void) throws {
        final class Box { let body: () -> Void; init(_ body: @escaping () -> Void) { self.body = body } }
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, Unmanaged.passRetained(Box(body)).toOpaque())
        try #require(status == 0)
        pthread_join(thread, nil)
    }
}
