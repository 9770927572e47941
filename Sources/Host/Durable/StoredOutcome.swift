internal import Dispatcher
internal import Failure
internal import Values

/// Where the time of an attempt went, as the store keeps it: nine numbers with spaces between them.
enum StoredTimeline {
    static func text(_ line: InvocationTimeline) -> String {
        "\(line.queue) \(line.load) \(line.input) \(line.run) \(line.output) \(line.communication) \(line.total) "
            + "\(line.sandboxes) \(line.requests)"
    }

    static func read(_ text: String?) -> InvocationTimeline {
        var line = InvocationTimeline()
        let numbers = (text ?? "").split(separator: " ").compactMap { UInt64($0) }
        guard numbers.count == 9 else { return line }
        (line.queue, line.load, line.input) = (numbers[0], numbers[1], numbers[2])
        (line.run, line.output, line.communication) = (numbers[3], numbers[4], numbers[5])
        (line.total, line.sandboxes, line.requests) = (numbers[6], Int(clamping: numbers[7]), Int(clamping: numbers[8]))
        return line
    }
}

/// A failure, as the store keeps it: an array of JSON with kind and detail, then names and values of the facts by turns.
enum StoredFailure {
    static func text(_ failure: Failure) -> String {
        var json = JSONWriter()
        json.array { json in
            json.string(failure.kind.rawValue)
            json.string(failure.detail)
            for fact in failure.facts {
                json.string(fact.name)
                json.string(fact.value)
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    static func read(_ text: String) -> Failure {
        let words = ((try? JSONReader.read(text))?.elements ?? []).map { $0.text ?? "" }
        guard words.count >= 2, let kind = Failure.Kind(rawValue: words[0]) else {
            return Failure(.internal, "what the store holds of the failure is damaged")
        }
        let facts = stride(from: 2, to: words.count - 1, by: 2).map { Failure.Fact(words[$0], words[$0 + 1]) }
        return Failure(kind, words[1], facts)
    }
}
