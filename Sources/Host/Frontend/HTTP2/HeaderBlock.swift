internal import CNghttp2

/// Fields of a response as nghttp2 takes them.
struct HeaderBlock {
    private var bytes: [UInt8] = []
    private var ends: [(name: Int, value: Int)] = []

    mutating func add(_ name: StaticString, _ value: String) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        let end = bytes.count
        bytes.append(contentsOf: value.utf8)
        ends.append((end, bytes.count))
    }

    mutating func withFields(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Void) {
        bytes.withUnsafeMutableBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            var start = 0
            // SAFETY: nghttp2 copies names and values during the call; the offsets were taken from these bytes.
            let fields = ends.map { end in
                defer { start = end.value }
                return nghttp2_nv(
                    name: base + start, value: base + end.name, namelen: end.name - start,
                    valuelen: end.value - end.name, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
            }
            fields.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
        }
    }
}
