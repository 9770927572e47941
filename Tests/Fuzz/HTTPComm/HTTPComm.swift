@testable import HTTPCommPlugin

/// Targets of a plugin: a program can be linked with one of those only unless it is told to overlook their entry symbols, so
/// that ordinary tests leave them out.
let pluginTargets: [String: @Sendable (UnsafeRawBufferPointer) -> Void] = [
    "answer": fuzzAnswer,
    "request": fuzzRequest,
]

/// What a function may write for the HTTP client to send.
@Sendable func fuzzRequest(_ bytes: UnsafeRawBufferPointer) {
    guard let head = try? HTTPCommPlugin.RequestHead(bytes, maxRequest: 1 << 16) else { return }
    expect(head.body.upperBound == bytes.count, "a body ends elsewhere")
    expect(head.target.url.upperBound <= head.body.lowerBound, "a target lies in the body")
}

/// What a server answers: the first byte chooses between the lines of a head and a chunked body, and in what pieces it comes.
@Sendable func fuzzAnswer(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first else { return }
    let rest = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    if first & 1 == 0 { readHead(rest) } else { readChunks(rest, pieces: Int(first >> 1) + 1) }
}

private func readHead(_ bytes: UnsafeRawBufferPointer) {
    let lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map {
        UnsafeRawBufferPointer(rebasing: $0)
    }
    guard let status = lines.first, var head = try? AnswerHead(statusLine: status, .http1) else { return }
    expect((100...999).contains(head.status), "a status of other than three digits")
    for line in lines.dropFirst() where !line.isEmpty {
        guard (try? head.take(line)) != nil else { return }
    }
}

private func readChunks(_ bytes: UnsafeRawBufferPointer, pieces: Int) {
    var reader = ChunkReader()
    var data = 0
    for begin in stride(from: 0, to: bytes.count, by: pieces) {
        let piece = UnsafeRawBufferPointer(rebasing: bytes[begin..<min(begin + pieces, bytes.count)])
        var index = 0
        while index < piece.count, !reader.isDone {
            let before = index
            let found: UnsafeRawBufferPointer?
            do { found = try reader.next(in: piece, from: &index) } catch { return }
            guard let found else { break }
            data += found.count
            expect(index > before, "a piece that goes nowhere")
        }
    }
    expect(data <= bytes.count, "more data than came")
}
