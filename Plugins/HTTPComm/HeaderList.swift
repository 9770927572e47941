internal import CCurl
internal import CHTTPComm

/// Header lines as libcurl takes them, kept in two blocks of memory instead of two allocations for each line.
struct HeaderList: ~Copyable {
    private var text = ByteBuffer()
    private var starts: [Int] = []
    private var nodes: UnsafeMutablePointer<curl_slist>?
    private var nodeCapacity = 0

    deinit { nodes?.deallocate() }

    mutating func clear() {
        text.clear()
        starts.removeAll(keepingCapacity: true)
    }

    /// A line in libcurl's own notation: `Name:` leaves out a header that libcurl would add.
    mutating func append(_ line: StaticString) -> Bool {
        starts.append(text.count)
        return text.append(line) && text.append(UInt8(0))
    }

    /// A header; `line` is its name, colon and value. One without a value is written `Name;` for libcurl.
    mutating func append(line: Bytes, name: Bytes, isEmpty: Bool) -> Bool {
        starts.append(text.count)
        guard isEmpty else { return text.append(line) && text.append(UInt8(0)) }
        return text.append(name) && text.append(UInt8(ascii: ";")) && text.append(UInt8(0))
    }

    /// The list, valid until the next change.
    mutating func list() -> UnsafeMutablePointer<curl_slist>? {
        guard let base = text.mutableBase, !starts.isEmpty else { return nil }
        if nodeCapacity < starts.count {
            nodes?.deallocate()
            nodeCapacity = max(16, starts.count * 2)
            nodes = .allocate(capacity: nodeCapacity)
        }
        guard let nodes else { return nil }
        for (index, start) in starts.enumerated() {
            // SAFETY: nodes has room for starts.count; each start lies in text, which does not change while libcurl
            // reads the list.
            let data = UnsafeMutableRawPointer(base + start).assumingMemoryBound(to: CChar.self)
            let next = index + 1 < starts.count ? nodes + index + 1 : nil
            (nodes + index).initialize(to: curl_slist(data: data, next: next))
        }
        return nodes
    }
}
