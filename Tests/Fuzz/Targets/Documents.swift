import Items
import Memory

@testable import Frontend

@Sendable func fuzzBSON(_ bytes: UnsafeRawBufferPointer) {
    let body = Blob(copying: bytes)
    let counter = ItemCounter(MemoryBudget().own)
    if let document = try? InvocationDocument(body, counter: counter) { checkViews(document.inputs.sets, of: body) }
    _ = try? FunctionDocument(body, counter: counter)
    _ = try? CompositionDocument(body)
}

@Sendable func fuzzJSON(_ bytes: UnsafeRawBufferPointer) {
    let budget = MemoryBudget()
    guard let read = try? JSONSetsReader.read(Blob(copying: bytes), budget.own) else {
        return expect(budget.usedByData == 0, "a refused body keeps memory")
    }
    expect(budget.usedByData <= 2048 + bytes.count * 16, "decoding takes more memory than it should")
    guard let written = try? JSONReply.make(read.sets, budget.own) else {
        return expect(false, "sets cannot be written")
    }
    // What was read can be written and read again.
    let again = try? JSONSetsReader.read(written, budget.own)
    expect(again?.sets.count == read.sets.count, "sets change on their way through JSON")
}

@Sendable func fuzzMultipart(_ bytes: UnsafeRawBufferPointer) {
    let body = Blob(copying: bytes)
    let parsed = Array("multipart/form-data; boundary=b".utf8).withUnsafeBytes {
        try? Multipart.parse(body, contentType: $0, account: MemoryBudget().own)
    }
    if let parsed { checkViews(parsed.sets, of: body) }
}

/// Items are parts of the body, not more than it has.
private func checkViews(_ sets: [ItemSet], of body: Blob) {
    guard let start = body.start else { return }
    for item in sets.flatMap(\.items) where item.data.storage === body.storage {
        guard let from = item.data.start else { continue }
        expect(from >= start && from + item.data.count <= start + body.count, "an item leaves its body")
    }
}
