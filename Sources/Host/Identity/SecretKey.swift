internal import COpenSSL
public import Failure
internal import Glibc
public import Platform

/// The key that secrets are sealed with: 32 bytes in a file of the operator's, beside the state folder or anywhere else.
public struct SecretKey: Sendable {
    private let bytes: [UInt8]
    private static let size = 32
    private static let nonceSize = 12
    private static let tagSize = 16

    /// - Parameters:
    ///   - making: a new one when there is no file.
    ///   - owner: whose file it is, or will be when root makes it; nil = this process's user's.
    /// - Returns: nil when there is no file.
    /// - Throws: `.unavailable` for a file that is no key, or that others may read.
    public init?(file path: String, making: Bool = false, owner: User? = nil) throws(Failure) {
        func failed(_ why: String) -> Failure { Failure(.unavailable, "the secrets' key \(path) \(why)") }
        if making, try Self.make(path, owner) { Self.sync(path) }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failed("cannot be opened: \(SystemError.last("open"))")
        }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_uid == owner?.id ?? geteuid(),
            facts.st_mode & 0o077 == 0
        else { throw failed("must be the node's user's file that nobody else may read (chmod 600)") }
        guard let bytes = try? WholeFile.read(descriptor, limit: Self.size), bytes.count == Self.size else {
            throw failed("has not \(Self.size) bytes")
        }
        self.bytes = bytes
    }

    private static func make(_ path: String, _ owner: User?) throws(Failure) -> Bool {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            if errno == EEXIST { return false }
            throw Failure(.unavailable, "the secrets' key \(path) cannot be made: \(SystemError.last("open"))")
        }
        defer { close(descriptor) }
        if let owner, owner.id != geteuid(), fchown(descriptor, owner.id, owner.group) != 0 {
            throw Failure(.unavailable, "the secrets' key \(path) cannot be given away: \(SystemError.last("fchown"))")
        }
        var random = [UInt8](repeating: 0, count: size)
        random.withUnsafeMutableBytes { Entropy.fill($0) }
        guard write(descriptor, random, random.count) == random.count, fsync(descriptor) == 0 else {
            throw Failure(.unavailable, "the secrets' key \(path) cannot be written: \(SystemError.last("write"))")
        }
        return true
    }

    private static func sync(_ path: String) {
        let folder = Glibc.open(FilePlace.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }

    // MARK: AES-256-GCM

    /// - Parameter name: under which it is kept; it can be opened under no other.
    /// - Returns: a number used once, what is sealed, and the tag.
    func seal(_ text: [UInt8], as name: String) throws(NotBelieved) -> [UInt8] {
        var nonce = [UInt8](repeating: 0, count: Self.nonceSize)
        nonce.withUnsafeMutableBytes { Entropy.fill($0) }
        var sealed = [UInt8](repeating: 0, count: text.count)
        var tag = [UInt8](repeating: 0, count: Self.tagSize)
        guard co_gcm_seal(bytes, nonce, name, name.utf8.count, text, text.count, &sealed, &tag) == 1 else {
            throw NotBelieved("it cannot be sealed")
        }
        return nonce + sealed + tag
    }

    func open(sealed: [UInt8], as name: String) throws(NotBelieved) -> [UInt8] {
        let overhead = Self.nonceSize + Self.tagSize
        guard sealed.count >= overhead else { throw NotBelieved("it is too short") }
        let count = sealed.count - overhead
        var text = [UInt8](repeating: 0, count: count)
        let nonce = Array(sealed.prefix(Self.nonceSize))
        let inside = Array(sealed[Self.nonceSize..<Self.nonceSize + count])
        var tag = Array(sealed.suffix(Self.tagSize))
        guard co_gcm_open(bytes, nonce, name, name.utf8.count, inside, count, &text, &tag) == 1 else {
            throw NotBelieved("it was sealed with another key, under another name, or was changed")
        }
        return text
    }
}

enum FilePlace {
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
