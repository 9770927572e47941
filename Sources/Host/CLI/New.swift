internal import ArgumentParser
internal import Glibc

struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start the project of a compute function: source, Makefile, sample input.",
        discussion: """
              dandelion new c wordcount --sdk .build-sdk
              dandelion new python wordcount
              cd wordcount && make run && make register && make invoke

            The SDK folder is the one that --sdk or the environment variable
            DANDELION_SDK names, or else a .build-sdk above the executable.
            """)

    @Argument(help: "The kind of project: what the SDK has templates for, such as c, cpp and python.")
    var kind: String

    @Argument(help: "The name of the function and of the folder that is made here.")
    var name: String

    @Option(help: "The SDK folder, as built by ./dev sdk.")
    var sdk: String?

    func validate() throws {
        let allowed = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == 0x2D || byte == 0x2E || byte == 0x5F
        }
        guard allowed, let first = name.utf8.first, first != 0x2D, first != 0x2E else {
            throw ValidationError("a name has letters, digits, '_', '-' and '.', and begins with none of the last two")
        }
    }

    func run() throws {
        let folder = try SDKFolder(named: sdk)
        let values = try folder.values(of: kind)
        func value(_ key: String) -> String? { values.first { $0.key == key }?.value }
        try folder.require(["CONFIG", "DEBUG"].compactMap { value($0).map { $0 + ".cfg" } }, madeBy: "./dev sdk")
        try folder.require([value("IMAGE")].compactMap { $0 }, madeBy: "./dev \(kind)")
        let common = [("NAME", name), ("SDK", folder.path), ("DANDELION", Executable.path)]
        let project = ProjectWriter(root: name, values: common + values)
        // All templates are read first, so that an SDK that lacks one leaves no half of a project behind.
        let files = (value("FILES") ?? "").split(separator: " ").map(String.init)
        let templates = try files.map { (target: Self.target($0, kind), bytes: try folder.template($0)) }
        try project.makeRoot()
        for template in templates { try project.write(template.bytes, to: template.target) }
        Output.line("\(name)/ is a project; next: cd \(name) && make run")
    }

    /// What a template is called in a project: without the folder of its kind.
    private static func target(_ template: String, _ kind: String) -> String {
        let name = template.hasPrefix(kind + "/") ? String(template.dropFirst(kind.count + 1)) : template
        return name == "gitignore" ? ".gitignore" : name
    }
}

/// The folder that ./dev sdk builds.
struct SDKFolder {
    let path: String

    init(named option: String?) throws {
        // SAFETY: getenv(3) gives a NUL-terminated text, and nothing here changes the environment.
        if let named = option ?? getenv("DANDELION_SDK").map({ String(cString: $0) }) {
            path = Input.absolute(named)
            guard Self.isOne(path) else {
                Output.note(
                    "dandelion: \(named) is no SDK folder: it has no templates and no libraries; `./dev sdk` in "
                        + "Dandelion's source tree builds one, and its last line of output names it")
                throw ExitCode.noInput
            }
        } else if let found = Executable.foldersAbove.map({ $0 + "/.build-sdk" }).first(where: Self.isOne) {
            path = found
        } else {
            Output.note(
                "dandelion: no SDK folder: build one with ./dev sdk in Dandelion's source tree, and name it by --sdk or "
                    + "the environment variable DANDELION_SDK")
            throw ExitCode.noInput
        }
    }

    private static func isOne(_ path: String) -> Bool {
        access(path + "/dandelion-freestanding.cfg", R_OK) == 0 && access(path + "/templates/Makefile", R_OK) == 0
    }

    /// - Throws: when the folder lacks one of these files, which it has once a command of the source tree has built what
    ///   they stand for.
    func require(_ files: [String], madeBy command: String) throws {
        for file in files where access("\(path)/\(file)", R_OK) != 0 {
            Output.note(
                "dandelion: the SDK folder \(path) has no \(file): what it is for is not built. `\(command)` in "
                    + "Dandelion's source tree builds it")
            throw ExitCode.noInput
        }
    }

    func template(_ name: String) throws -> [UInt8] { try Input.read("\(path)/templates/\(name)") }

    /// What replaces the names between @ signs in a project of this kind: lines KEY=VALUE of the template KIND.kind.
    func values(of kind: String) throws -> [(key: String, value: String)] {
        let suffix = ".kind"
        let kinds = Input.names(in: path + "/templates").filter { $0.hasSuffix(suffix) }.map {
            $0.dropLast(suffix.count)
        }
        guard kinds.contains(kind[...]) else {
            throw ValidationError("there is no kind '\(kind)'; there are: \(kinds.joined(separator: ", "))")
        }
        return String(decoding: try template(kind + suffix), as: UTF8.self).split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
        }
    }
}

/// This program's file.
enum Executable {
    static var path: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        // SAFETY: buffer has buffer.count writable bytes; readlink(2) writes no NUL.
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : "dandelion"
    }

    /// Replaces this process by a program; returns when there is no such file.
    static func become(_ program: String, _ arguments: [String]) {
        var pointers = ([program] + arguments).map { strdup($0) } + [nil]
        execv(program, &pointers)
        for pointer in pointers { free(pointer) }
        guard errno != ENOENT else { return }
        Output.note("dandelion: cannot run \(program): \(String(cString: strerror(errno)))")
        exit(ExitCode.failure.rawValue)
    }

    /// The folders that it lies in, nearest first.
    static var foldersAbove: [String] {
        var rest = path[...]
        var folders: [String] = []
        while let slash = rest.lastIndex(of: "/") {
            rest = rest[..<slash]
            folders.append(String(rest))
        }
        return folders
    }
}

/// Writes the files of a project.
struct ProjectWriter {
    let root: String
    let values: [(key: String, value: String)]

    func makeRoot() throws {
        guard mkdir(root, 0o777) == 0 else { throw Self.failed(root) }
    }

    /// Writes a template with its names replaced; folders on the way are made.
    func write(_ template: [UInt8], to file: String) throws {
        let path = "\(root)/\(file)"
        var made = root
        for folder in file.split(separator: "/").dropLast() {
            made += "/" + folder
            guard mkdir(made, 0o777) == 0 || errno == EEXIST else { throw Self.failed(made) }
        }
        let bytes = Array(filled(String(decoding: template, as: UTF8.self)).utf8)
        guard let stream = fopen(path, "wxe") else { throw Self.failed(path) }
        let written = fwrite(bytes, 1, bytes.count, stream)
        guard fclose(stream) == 0, written == bytes.count else { throw Self.failed(path) }
    }

    private func filled(_ template: String) -> String {
        values.reduce(template) { text, entry in
            text.split(separator: "@\(entry.key)@", omittingEmptySubsequences: false).joined(separator: entry.value)
        }
    }

    private static func failed(_ path: String) -> ExitCode {
        Output.note("dandelion: \(path): \(String(cString: strerror(errno)))")
        return .cannotCreate
    }
}
