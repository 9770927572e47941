internal import Values

/// The query of `GET /v1/functions` and `GET /v1/compositions`: which part of a long list is wanted.
struct ListingPage: Sendable {
    /// Name of the last entry of the page before.
    let after: String?
    /// Entries, at most.
    let limit: Int

    static let most = 1000
    /// Bytes of a page beyond which no further entry is added: names may be long and many.
    static let longest = 1 << 20

    init(_ query: Bytes) throws(Problem) {
        try self.init(try Query.parameters(query, known: ["after", "limit"]))
    }

    /// By parameters that were read.
    init(_ given: [String: String]) throws(Problem) {
        after = given["after"]
        guard let limit = given["limit"] else {
            self.limit = Self.most
            return
        }
        guard let number = Int(limit), 1...Self.most ~= number else {
            throw .malformed("parameter limit is '\(limit)', not a number from 1 to \(Self.most)")
        }
        self.limit = number
    }
}

extension JSONWriter {
    /// Writes `entries`, which are one more than the page takes if there are more, as the array `name`; then `next`, from
    /// where to ask on, unless these were the last.
    mutating func page<Entry>(
        _ name: String, _ entries: [Entry], _ page: ListingPage, of nameOf: (Entry) -> String,
        write: (inout JSONWriter, Entry) -> Void
    ) {
        var written = 0
        self.name(name)
        array { json in
            for entry in entries.prefix(page.limit) where json.count < ListingPage.longest {
                write(&json, entry)
                written += 1
            }
        }
        if written < entries.count, written > 0 { member("next", nameOf(entries[written - 1])) }
    }
}
