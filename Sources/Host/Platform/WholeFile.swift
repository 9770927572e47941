internal import Glibc

/// Files that are read at once.
public enum WholeFile {
    /// Why a file was not read.
    public enum Failed: Error, Sendable {
        /// An error number of open(2) or read(2).
        case open(Int32)
        case read(Int32)
        /// It has more bytes than allowed.
        case tooLong

        /// The system's words, after "cannot be".
        public var text: String {
            switch self {
            case .open(let error): "cannot be opened: \(String(cString: strerror(error)))"
            case .read(let error): "cannot be read: \(String(cString: strerror(error)))"
            case .tooLong: "is too long"
            }
        }

        /// The error number, 0 for none.
        public var errorNumber: Int32 {
            switch self {
            case .open(let error), .read(let error): error
            case .tooLong: 0
            }
        }
    }

    public static func read(_ path: String, limit: Int = .max) throws(Failed) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .open(errno) }
        defer { close(descriptor) }
        return try read(descriptor, limit: limit)
    }

    /// What is left of an open file.
    public static func read(_ descriptor: Int32, limit: Int = .max) throws(Failed) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            // SAFETY: buffer has buffer.count writable bytes.
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .read(errno) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { throw .tooLong }
        }
    }

    /// A file of the kernel as text; nil when it cannot be read.
    public static func text(of path: String) -> String? {
        (try? read(path)).map { String(decoding: $0, as: UTF8.self) }
    }
}
