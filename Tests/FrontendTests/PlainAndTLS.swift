import Config
import TestSupport
import Testing
import Transport

/// Each test of the suite runs twice: its servers and their clients speak in the clear, then by TLS.
struct PlainAndTLS: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    /// Whether servers that are told no listener, and their clients, speak TLS.
    @TaskLocal static var isSecure = false

    private static let certificates = Result {
        let made = try Certificates()
        try made.sign("server")
        return made
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await function()
        try await Self.$isSecure.withValue(true) { try await function() }
    }

    /// A free port of the loopback.
    static func listener() throws -> ListenerSettings {
        let place = ListenPlace.address(ListenAddress(host: "127.0.0.1", port: 0))
        guard isSecure else { return ListenerSettings(place) }
        let files = try certificates.get().files("server")
        return ListenerSettings(place, tls: TLSSettings(certificate: files.chain, key: files.key))
    }

    /// What clients of such a listener believe; nil where they speak in the clear.
    static func client() throws -> TLSClient.Settings? {
        isSecure ? TLSClient.Settings(authorities: try certificates.get().authority) : nil
    }
}

extension Trait where Self == PlainAndTLS {
    static var plainAndTLS: PlainAndTLS { PlainAndTLS() }
}
