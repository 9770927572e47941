import Items

@testable import Frontend

@Sendable func fuzzBSON(_ bytes: UnsafeRawBufferPointer) {
    let body = Blob(copying: bytes)
    if let document = try? InvocationDocument(body) { checkViews(document.sets, of: body) }
    _ = try? FunctionDocument(body)
    _ = try? CompositionDocument(body)
}

@Sendable func fuzzJSON(_ bytes: UnsafeRawBufferPointer) {
    guard let sets = try? JSONSets.parse(Blob(copying: bytes)) else { return }
    let written = JSONSets.write(sets)
    // What was read can be written and read again.
    expect((try? JSONSets.parse(Blob(written)))?.count == sets.count, "sets change on their way through JSON")
}

@Sendable func fuzzMultipart(_ bytes: UnsafeRawBufferPointer) {
    let body = Blob(copying: bytes)
    let parsed = Array("multipart/form-data; boundary=b".utf8).withUnsafeBytes {
        try? Multipart.parse(body, contentType: $0)
    }
    if let parsed { checkViews(parsed, of: body) }
}

/// Items are parts of the body, not more than it has.
private func checkViews(_ sets: [ItemSet], of body: Blob) {
    guard let start = body.start else { return }
    for item in sets.flatMap(\.items) where item.data.storage === body.storage {
        guard let from = item.data.start else { continue }
        expect(from >= start && from + item.data.count <= start + body.count, "an item leaves its body")
    }
}
