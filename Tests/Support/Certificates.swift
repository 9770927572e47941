internal import Foundation

/// An authority of a test, and what it signs; made by the command openssl.
public final class Certificates: Sendable {
    public let folder: String

    public init() throws {
        folder = "\(Temporary.folder)/certificates-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try make("authority", ["-subj", "/CN=Test authority"])
    }

    deinit { Temporary.remove(folder) }

    public var authority: String { "\(folder)/authority.pem" }

    /// Makes NAME.pem and NAME.key for this machine's own name; those that were there are replaced.
    /// - Parameter subject: as openssl writes it; nil = "/CN=NAME".
    public func sign(_ name: String, subject: String? = nil) throws {
        try make(
            name,
            [
                "-CA", authority, "-CAkey", "\(folder)/authority.key", "-subj", subject ?? "/CN=\(name)", "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
            ])
    }

    public func files(_ name: String) -> (chain: String, key: String) {
        ("\(folder)/\(name).pem", "\(folder)/\(name).key")
    }

    private func make(_ name: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let (chain, key) = files(name)
        process.arguments =
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "2",
                "-utf8", "-keyout", "\(key).new", "-out", "\(chain).new",
            ] + arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0, rename("\(key).new", key) == 0, rename("\(chain).new", chain) == 0 else {
            throw CocoaError(.fileWriteUnknown)
        }
    }
}
