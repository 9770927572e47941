import Items
import Testing

@testable import Fleet

/// What nodes write for one another, and what becomes of what no node wrote.
@Suite struct RecordTests {
    @Test func whatIsWrittenIsRead() {
        let record = MemberRecord(
            address: "http://[::1]:80", life: "a", version: "1\"2", isDraining: true, wait: 7, requests: 3, cores: 4,
            applied: 99, names: 5)
        #expect(MemberRecord(record.json) == record)
        let contents: [SharedName.Content] = [.nothing, .function("{\"a\":1}"), .composition("composition \"x\"\n")]
        for content in contents {
            for before in contents {
                for pending in [nil, "http://x:1"] as [String?] {
                    let name = SharedName(
                        space: "s", name: "\u{e9}\"\n", content: content, pending: pending,
                        before: pending == nil ? .nothing : before)
                    #expect(SharedName(name.json) == name)
                    #expect(name.present == (pending == nil ? content : before))
                }
            }
        }
    }

    @Test func numbersThatAreTooLargeAreCut() throws {
        let record = MemberRecord(
            address: "x", life: "", version: "", isDraining: false, wait: .max, requests: 0, cores: 1, applied: .max,
            names: 0)
        let read = try #require(MemberRecord(record.json))
        #expect(read.wait == UInt64(Int.max) && read.applied == UInt64(Int.max))
    }

    @Test(arguments: [
        "", "{", "[]", "null", "{}", #"{"address":1,"life":"","draining":0,"wait":0,"applied":0}"#,
        #"{"address":"x","life":"","draining":0,"wait":-1,"applied":0}"#, #"{"space":"s","name":"n"}"#,
        #"{"space":"s","name":"n","content":{"else":"x"}}"#, #"{"space":"s","name":"n","content":[]}"#, "\u{1}",
    ])
    func whatNoNodeWroteIsNothing(text: String) {
        #expect(MemberRecord(Array(text.utf8)) == nil)
        #expect(SharedName(Array(text.utf8)) == nil)
    }

    /// A node of a later version may say more.
    @Test func unknownMembersAreLeftAlone() throws {
        let text = #"{"address":"x","life":"l","draining":0,"wait":1,"applied":2,"mood":"good"}"#
        let record = try #require(MemberRecord(Array(text.utf8)))
        #expect(record.cores == 1 && record.wait == 1)
    }

    @Test(arguments: [
        ("HTTP/1.1 206 Partial Content\nContent-Type: a/b\nX:y:z\n", 206 as Int?), ("HTTP/2 200\n", 200), ("", nil),
        ("HTTP/1.1\n", nil), ("HTTP/1.1 abc\n", nil), ("\n\n", nil),
    ])
    func answersAreTakenApart(head: String, status: Int?) {
        let answer = PeerAnswer([Blob(head), Blob("body")])
        #expect(answer?.status == status)
        if status == 206 { #expect(answer?.field("content-type") == "a/b" && answer?.field("x") == "y:z") }
        #expect(PeerAnswer([Blob(head)]) == nil)
    }
}
