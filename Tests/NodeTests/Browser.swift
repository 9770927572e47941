import Foundation
import Testing

/// A browser without a screen.
enum Browser {
    /// Of its program; nil where there is none.
    static let path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// The page after some seconds of its life, and what the browser complains of.
    /// - Parameters:
    ///   - folder: for what the browser keeps.
    ///   - rules: which names stand for which addresses, as its switch `--host-resolver-rules` has them.
    static func look(at address: String, _ folder: String, rules: String = "") throws -> (page: String, said: String) {
        let browser = Process()
        browser.executableURL = URL(fileURLWithPath: try #require(path))
        browser.arguments =
            [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(folder)/profile",
                "--enable-logging=stderr", "--virtual-time-budget=6000", "--dump-dom",
            ] + (rules.isEmpty ? [] : ["--host-resolver-rules=\(rules)"]) + [address]
        let output = Pipe()
        browser.standardOutput = output
        try Data().write(to: URL(fileURLWithPath: "\(folder)/said"))
        browser.standardError = FileHandle(forWritingAtPath: "\(folder)/said")
        try browser.run()
        let page = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        browser.waitUntilExit()
        return (page, (try? String(contentsOfFile: "\(folder)/said", encoding: .utf8)) ?? "")
    }
}
