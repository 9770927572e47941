import Foundation
import TestSupport
import Testing
import Values

/// What the scanner testssl.sh finds at a listener.
@Suite(.serialized) struct TLSScanTests {
    private static let scanner = ["/usr/bin/testssl", "/usr/bin/testssl.sh"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
    private static let isLong = ProcessInfo.processInfo.environment["DANDELION_LONG_TESTS"] != nil

    /// What concerns the test's own certificate, which lives for two days and which no authority of the system has signed, and
    /// pages for people.
    private static func isOther(_ id: String) -> Bool {
        id.hasPrefix("cert_") || ["DNS_CAArecord", "HSTS", "security_headers"].contains(id)
    }

    /// Protocols and ciphers; all that it knows, with attacks and clients, in the long tests.
    @Test(.enabled(if: scanner != nil, "no testssl.sh here: apt-get install testssl.sh"))
    func nothingOfWeightIsFound() throws {
        let certificates = try Certificates()
        try certificates.sign("server")
        let files = certificates.files("server")
        let node = try RunningNode(
            config: """
                [node]
                idle_timeout = "500ms"
                [[listeners]]
                address = "127.0.0.1:0"
                authenticate = true
                [listeners.tls]
                certificate = "\(files.chain)"
                key = "\(files.key)"
                """, listens: false)
        let report = certificates.folder + "/report.json"
        let scan = Process()
        scan.executableURL = URL(fileURLWithPath: try #require(Self.scanner))
        scan.arguments =
            ["--quiet", "--color", "0", "--warnings", "batch", "--ip", "127.0.0.1", "--jsonfile", report]
            + (Self.isLong ? [] : ["--fast", "--protocols", "--std"]) + ["localhost:\(node.port)"]
        scan.standardInput = FileHandle.nullDevice
        scan.standardOutput = FileHandle.nullDevice
        scan.standardError = FileHandle.nullDevice
        try scan.run()
        scan.waitUntilExit()
        let findings = try JSONReader.read(try String(contentsOfFile: report, encoding: .utf8)).elements
        func severity(_ id: String) -> String? {
            findings.first { $0["id"]?.text == id }?["severity"]?.text
        }
        for id in ["SSLv2", "SSLv3", "TLS1", "TLS1_1"] { #expect(["OK", "INFO"].contains(severity(id)), "\(id)") }
        for id in ["TLS1_2", "TLS1_3", "cipherlist_NULL", "cipherlist_aNULL", "cipherlist_LOW"] {
            #expect(severity(id) == "OK", "\(id): \(severity(id) ?? "not looked at")")
        }
        for finding in findings {
            let (id, weight) = (finding["id"]?.text ?? "", finding["severity"]?.text ?? "")
            guard !["OK", "INFO", "DEBUG"].contains(weight), !Self.isOther(id) else { continue }
            Issue.record("\(weight) \(id): \(finding["finding"]?.text ?? "")")
        }
        #expect(node.stop() == 0)
    }
}
