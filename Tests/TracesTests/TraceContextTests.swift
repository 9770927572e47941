import Testing

@testable import Traces

@Suite struct TraceContextTests {
    private func read(_ text: String) -> TraceContext? {
        Array(text.utf8).withUnsafeBytes { TraceContext(parent: $0) }
    }

    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"

    /// The standard's own example, and a later version that says more.
    @Test(arguments: ["00-\(trace)-\(span)-01", "00-\(trace)-\(span)-ff", "cc-\(trace)-\(span)-01-more"])
    func isRead(text: String) throws {
        let context = try #require(read(text))
        #expect(context.high == 0x4bf9_2f35_77b3_4da6 && context.low == 0xa3ce_929d_0e0e_4736)
        #expect(context.span == 0x00f0_67aa_0ba9_02b7 && context.isSampled)
        #expect(context.parentField(span: 0xab) == "00-\(Self.trace)-00000000000000ab-01")
    }

    @Test func isNotSampled() throws {
        let context = try #require(read("00-\(Self.trace)-\(Self.span)-02"))
        #expect(!context.isSampled && context.parentField(span: context.span) == "00-\(Self.trace)-\(Self.span)-00")
    }

    @Test(arguments: [
        "", "00", "ff-\(trace)-\(span)-01", "00-\(trace.uppercased())-\(span)-01", "00-\(trace)-\(span)-1",
        "00-\(trace)-\(span)-01-", "00-\(trace)-\(span)-01x", "cc-\(trace)-\(span)-01x", "00_\(trace)-\(span)-01",
        "00-00000000000000000000000000000000-\(span)-01", "00-\(trace)-0000000000000000-01",
        "0x-\(trace)-\(span)-01", "00-\(trace)-\(span)-0g", "00-\(trace.dropLast())-\(span)-001",
        " 00-\(trace)-\(span)-01",
    ])
    func isNone(text: String) { #expect(read(text) == nil) }

    private func state(_ fields: [String]) throws -> String {
        var context = try #require(read("00-\(Self.trace)-\(Self.span)-01"))
        let bytes = fields.map { Array($0.utf8) }
        func take(_ index: Int, _ views: [UnsafeRawBufferPointer]) {
            guard index < bytes.count else { return context.take(states: views) }
            bytes[index].withUnsafeBytes { take(index + 1, views + [$0]) }
        }
        take(0, [])
        return context.state
    }

    @Test func statesAreJoined() throws {
        #expect(try state(["a=1,b@c=x y", " d=2 ,, e*/-_=~"]) == "a=1,b@c=x y,d=2,e*/-_=~")
        #expect(try state([]) == "")
    }

    @Test(arguments: ["a", "=1", "a=", "A=1", "a=1=2", "a=\u{1}", "a=é", "a=1,b", String(repeating: "k=v,", count: 33)])
    func aWrongStateIsNone(text: String) throws { #expect(try state([text]) == "") }

    @Test func aLongStateIsNone() throws {
        #expect(try state(["a=\(String(repeating: "x", count: 511))"]) == "")
        #expect(try state(["a=\(String(repeating: "x", count: 510))"]).utf8.count == 512)
    }
}
