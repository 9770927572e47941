import Items
import Memory

@testable import Frontend

/// The first byte says in what pieces the rest arrives.
@Sendable func fuzzHTTP1(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first else { return }
    var limits = Limits()
    limits.body = 1 << 16
    var reader = RequestReader(pool: BufferPool(limits.budget.own), limits: limits)
    var rest = bytes.dropFirst()
    while !rest.isEmpty {
        guard let room = try? reader.room() else { return expect(false, "no memory to receive to") }
        expect(!room.isEmpty, "no room to receive to")
        let piece = rest.prefix(min(Int(first) + 1, room.count))
        room.copyBytes(from: piece)
        rest = rest.dropFirst(piece.count)
        reader.received(piece.count)
        guard takeRequests(&reader, limits) else { return }
    }
}

/// False when the connection would be closed.
private func takeRequests(_ reader: inout RequestReader, _ limits: Limits) -> Bool {
    do {
        while true {
            switch try reader.advance() {
            case .starved: return true
            case .head: continue
            case .request:
                expect(reader.body.count <= limits.body, "a body is longer than its limit")
                reader.finish()
            }
        }
    } catch {
        return false
    }
}

/// The first byte says in what pieces the rest arrives; requests are answered as soon as they are complete.
@Sendable func fuzzHTTP2(_ bytes: UnsafeRawBufferPointer) {
    var limits = Limits()
    limits.body = 1 << 16
    guard let first = bytes.first, let session = HTTP2Session(limits: limits) else { return }
    let output = OutputBuffer(limits.budget.own)
    guard Array("\(HTTP2Session.preface)".utf8).withUnsafeBytes({ session.receive($0) }) else { return }
    var rest = bytes.dropFirst()
    let date = DateField()
    date.update()
    while !rest.isEmpty {
        session.now &+= 1
        guard session.expire() else { return }
        let piece = rest.prefix(Int(first) * 8 + 1)
        rest = rest.dropFirst(piece.count)
        guard session.receive(UnsafeRawBufferPointer(rebasing: piece)) else { return }
        for stream in session.ready { session.respond(stream.id, Response(.ok, .text("answer")), date: date) }
        session.ready = []
        session.cancelled = []
        session.drain(into: output, limit: 1 << 16)
        expect(output.count < 1 << 20, "a session writes without end")
    }
}
