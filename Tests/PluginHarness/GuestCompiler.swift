import Glibc
import Synchronization
import TestSupport

/// Compiles the guest programs of Tests/Guests with the toolchain's clang, once per test process.
public enum GuestCompiler {
    /// The machine that a guest is compiled for.
    public enum Target: String, Sendable {
        case x86_64, aarch64

        var flags: [String] {
            switch self {
            case .x86_64: ["--target=x86_64-unknown-none-elf", "-mno-red-zone"]
            case .aarch64: ["--target=aarch64-unknown-linux-gnu", "-nostdlibinc", "-mno-outline-atomics"]
            }
        }
    }

    /// Where the guests' sources are.
    public static let sources: String = {
        let file = "\(#filePath)"
        let folder = file.split(separator: "/").dropLast(2).joined(separator: "/")
        return "/\(folder)/Guests"
    }()

    /// The reason why no guest can be compiled here, null when it can.
    public static let missing: String? = {
        run(["clang", "--version"], quiet: true) == 0 ? nil : "no clang on PATH; it comes with the Swift toolchain"
    }()

    private static let compiled = Mutex<[String: [UInt8]]>([:])

    /// The bytes of the image of guest `name` in `folder`, linked at 0x10000 with its symbol table.
    public static func image(
        _ name: String, flags: [String] = [], in folder: String = sources, for target: Target = .x86_64
    ) throws(HarnessError) -> [UInt8] {
        let key = "\(folder)/\(name) \(flags) \(target)"
        let result = compiled.withLock { compiled -> Result<[UInt8], HarnessError> in
            if let image = compiled[key] { return .success(image) }
            return Result { () throws(HarnessError) in
                let image = try compile(name, flags, folder, target)
                compiled[key] = image
                return image
            }
        }
        return try result.get()
    }

    /// A folder of images compiled before, for machines without a compiler; those that are missing are added to it.
    private static let store = getenv("DANDELION_GUESTS").map { String(cString: $0) }

    private static func compile(
        _ name: String, _ flags: [String], _ folder: String, _ target: Target
    ) throws(HarnessError) -> [UInt8] {
        let kept = store.map { store in
            let words =
                folder.split(separator: "/").suffix(2) + [Substring(name), Substring(target.rawValue)]
                + flags.map { Substring($0) }
            return "\(store)/\(words.joined(separator: "_").replacing("/", with: "_"))"
        }
        if let kept, let image = try? read(kept) { return image }
        if let missing { throw HarnessError(-1, missing) }
        let output = "\(Temporary.folder)/dandelion-guest-\(getpid())-\(name)\(flags.isEmpty ? "" : "-variant").elf"
        let status = run(
            [
                "clang", "-std=gnu11", "-O1", "-ffreestanding", "-fno-pic", "-fno-builtin", "-fno-stack-protector",
                "-nostdlib", "-static", "-fuse-ld=lld",
                "-Wall", "-Wextra", "-Werror", "-I", "\(sources)/../../Sources/PluginABI/include", "-I", sources,
                "-Wl,-z,max-page-size=4096", "-Wl,--image-base=0x10000", "-Wl,-z,separate-code",
            ] + target.flags + flags + ["\(folder)/\(name).c", "-o", output], quiet: false)
        guard status == 0 else { throw HarnessError(-1, "clang failed on guest \(name) with status \(status)") }
        defer { unlink(output) }
        if let kept { _ = run(["cp", output, kept], quiet: false) }
        return try read(output)
    }

    private static func read(_ path: String) throws(HarnessError) -> [UInt8] {
        let fd = open(path, O_RDONLY)
        guard fd >= 0 else { throw HarnessError(-14, "cannot open \(path)") }
        defer { close(fd) }
        let size = Int(lseek(fd, 0, SEEK_END))
        var bytes = [UInt8](repeating: 0, count: max(0, size))
        guard pread(fd, &bytes, bytes.count, 0) == bytes.count else { throw HarnessError(-14, "cannot read \(path)") }
        return bytes
    }

    private static func run(_ arguments: [String], quiet: Bool) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if quiet { posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0) }
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        argv.append(nil)
        defer { for argument in argv { free(argument) } }
        var pid = pid_t()
        guard let program = argv.first, let program, posix_spawnp(&pid, program, &actions, nil, argv, environ) == 0
        else {
            return -1
        }
        var status: Int32 = 0
        // An engine's thread may be signalled meanwhile.
        while waitpid(pid, &status, 0) != pid { guard errno == EINTR else { return -1 } }
        return status
    }
}
