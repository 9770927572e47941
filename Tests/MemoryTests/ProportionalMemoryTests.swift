import Glibc
import Platform
import Synchronization
import TestSupport
import Testing

/// What the kernel says that this process and its children take.
@Suite(.serialized) struct ProportionalMemoryTests {
    /// A child that posix_spawn(3) makes runs in our memory until it executes; here it waits for somebody to write to a pipe first.
    @Test func aChildInOurMemoryIsNotCountedTwice() throws {
        let pipe = "\(Temporary.folder)/spawn-\(getpid()).pipe"
        try #require(mkfifo(pipe, 0o600) == 0)
        defer { unlink(pipe) }
        // So much that what this process takes and gives back meanwhile does not matter.
        let bytes = 256 << 20
        let block = try #require(mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        memset(block, 1, bytes)
        defer { munmap(block, bytes) }
        let before = try #require(ProportionalMemory.bytes)
        let spawned = Ended()
        try Thread.start(name: "spawner", core: nil) { spawned.end(Self.spawn(reading: pipe)) }
        var most = 0
        for _ in 0..<100 {
            usleep(2000)
            most = max(most, ProportionalMemory.bytes ?? 0)
        }
        #expect(!spawned.isOver, "the child did not wait")
        #expect(most < before + bytes / 2, "\(most >> 20) MiB, before \(before >> 20) MiB")
        close(open(pipe, O_WRONLY))
        while !spawned.isOver { usleep(1000) }
        #expect(spawned.status == 0)
    }

    /// Zero when true(1) began, with the pipe as its standard input, and ended with zero.
    private static func spawn(reading pipe: String) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, pipe, O_RDONLY, 0)
        var arguments = [strdup("true"), nil]
        defer { free(arguments[0]) }
        var child = pid_t()
        guard posix_spawn(&child, "/bin/true", &actions, nil, &arguments, nil) == 0 else { return -1 }
        var status: Int32 = -1
        waitpid(child, &status, 0)
        return status
    }

    private final class Ended: Sendable {
        private let result = Atomic<Int>(.max)

        func end(_ status: Int32) { result.store(Int(status), ordering: .releasing) }
        var isOver: Bool { result.load(ordering: .acquiring) != .max }
        var status: Int { result.load(ordering: .acquiring) }
    }
}
