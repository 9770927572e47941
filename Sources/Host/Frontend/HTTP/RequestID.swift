/// What a request is called in answers, logs and traces: by its field X-Request-Id if that is well-formed, else by 128 bits that
/// are made here.
struct RequestID: Equatable {
    private(set) var high: UInt64 = 0
    private(set) var low: UInt64 = 0
    /// Where the client's name stands in the head; empty = there is none.
    private(set) var given: Range<UInt32> = 0..<0

    /// Nothing has a name yet.
    static let none = RequestID()
    var isNone: Bool { self == .none }

    init() {}

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    fileprivate init(given: Range<UInt32>) { self.given = given }

    /// Digits of one that was made.
    static let digits = 32
    /// Bytes of a client's, at most.
    static let longest = 128

    /// Writes the digits of one that was made; `place` has room for them.
    func write(to place: UnsafeMutableRawPointer) {
        for index in 0..<Self.digits {
            let word = index < 16 ? high : low
            let nibble = UInt8(truncatingIfNeeded: word &>> UInt64(60 - 4 * (index & 15)) & 15)
            // SAFETY: the index is below the number of digits.
            place.storeBytes(of: nibble < 10 ? 48 &+ nibble : 87 &+ nibble, toByteOffset: index, as: UInt8.self)
        }
    }

    /// Letters, digits and `-_.:/+=@~`: nothing that ends a field, a line or a text of JSON.
    static func isWellFormed(_ text: Bytes) -> Bool {
        1...longest ~= text.count
            && text.allSatisfy { byte in
                let letter = byte | 0x20
                return ASCII.isDigit(byte) || letter >= 97 && letter <= 122 || marks.contains(byte)
            }
    }

    private static let marks = Array("-_.:/+=@~".utf8)
}

/// Makes ids, of which no two are the same on any node; one worker's.
struct RequestIDs {
    private var high = UInt64.random(in: 1...UInt64.max)
    private var count = UInt64.random(in: 0...UInt64.max)

    mutating func next() -> RequestID {
        // Steps and mixing of SplitMix64: each of 2^64 values once, and neighbours do not look alike.
        count &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (count ^ (count >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return RequestID(high: high, low: mixed ^ (mixed >> 31))
    }
}

extension RequestIDs {
    /// The number that the request is called by, or another one if the client has a word for it.
    mutating func number(of head: RequestHead) -> (high: UInt64, low: UInt64) {
        let id = head.id.given.isEmpty ? head.id : next()
        return (id.high, id.low)
    }
}

extension RequestHead {
    /// Gives the request its name, unless it has one, and finds its place in a trace.
    func identify(by ids: inout RequestIDs) {
        guard id.isNone else { return }
        var parents = 0
        for field in fields {
            switch field.name.count {
            case 12 where id.isNone && bytes(field.name).equalsIgnoringCase("x-request-id"):
                if RequestID.isWellFormed(bytes(field.value)) { id = RequestID(given: field.value) }
            case 11 where bytes(field.name).equalsIgnoringCase("traceparent"):
                parents += 1
                traceParent = parents == 1 ? field.value : 0..<0
            default: break
            }
        }
        if id.isNone { id = ids.next() }
    }

    /// Nil before it has a name.
    var idText: String? {
        if !id.given.isEmpty { return bytes(id.given).text }
        if id.isNone { return nil }
        return String(unsafeUninitializedCapacity: RequestID.digits) { buffer in
            // SAFETY: the buffer has room for the digits.
            buffer.baseAddress.map { id.write(to: $0) }
            return RequestID.digits
        }
    }
}
