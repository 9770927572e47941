internal import Dispatcher
internal import Items
internal import Telemetry

extension Connection {
    func readFrames() {
        for _ in 0..<4 {
            guard let http2, let count = receive(server.scratch) else { return }
            http2.now = server.tick
            if !http2.receive(Bytes(rebasing: server.scratch[..<count])) { isEnding = true }
            turnHTTP2()
            guard count == server.scratch.count || holdsInput, phase == .reading, !isBackedUp, !isOverdue else {
                return
            }
        }
    }

    /// Hands complete requests out and sends frames that are due.
    func turnHTTP2() {
        guard let http2, phase == .reading, !isTurning else { return }
        isTurning = true
        while !http2.ready.isEmpty || !http2.cancelled.isEmpty {
            let cancelled = http2.cancelled
            http2.cancelled = []
            for id in cancelled { invocations.removeValue(forKey: id)?.cancel() }
            guard !http2.ready.isEmpty else { continue }
            guard !isOverdue else {
                continueSoon()
                break
            }
            begin(http2.ready.removeFirst())
        }
        isTurning = false
        send(http2)
    }

    private func begin(_ stream: HTTP2Stream) {
        wait(.nothing)
        stream.identify(by: &server.ids)
        let exchange = Exchange(
            connection: self, stream: stream.id,
            record: server.observer.begin(stream.head, stream.bodyCount, on: self, isHTTP2: true))
        if let problem = stream.problem { return exchange.fail(problem) }
        let request = Request(head: stream.head, body: stream.body, exchange: exchange)
        http2?.releaseBody(of: stream)
        server.handle(request)
    }

    private func send(_ http2: HTTP2Session) {
        var isSent = true
        while isSent, phase == .reading {
            let output = makeOutput()
            http2.drain(into: output, limit: Self.mostOutput)
            let count = output.count
            if http2.isFinished || server.isStopping && !http2.hasStreams { isEnding = true }
            isSent = flush()
            if count == 0 { break }
            if isOverdue {
                continueSoon()
                break
            }
        }
        guard phase == .reading, isSent else { return }
        // Streams have limits of their own.
        wait(http2.hasStreams ? .nothing : .idle)
        mayMove()
    }

    func respondHTTP2(_ response: Response, stream: Int32) {
        guard let http2 else { return }
        invocations[stream] = nil
        server.date.update()
        http2.now = server.tick
        http2.respond(stream, response, date: server.date)
        turnHTTP2()
    }
}

extension Connection {
    func respond(_ response: consuming Response, stream: Int32) {
        guard phase != .closed else { return }
        if !isTurning { beginTurn() }
        if server.access.admitsPages {
            if let head = http2?.head(of: stream) {
                server.access.admitReader(of: &response, to: head)
            } else {
                server.access.admitReader(of: &response, to: reader.head)
            }
        }
        if stream == 0 { respondHTTP1(response) } else { respondHTTP2(response, stream: stream) }
    }

    func runs(_ invocation: Invocation, stream: Int32) {
        guard !invocation.isFinished else { return }
        if phase == .closed { return invocation.cancel() }
        if stream == 0 { self.invocation = invocation } else { invocations[stream] = invocation }
    }

    /// The answer that tells of a problem, in the form that the request asks for.
    func response(to problem: Problem, stream: Int32) -> Response {
        // Of a connection that is closed the bytes are gone.
        guard phase != .closed, let head = stream == 0 ? reader.head : http2?.head(of: stream) else {
            return Response(problem, instance: "")
        }
        if let own = problem.own { Log.write(.error, request: head.idText) { own } }
        let asText = head.value("accept").map(MediaType.prefersText) ?? false
        return Response(problem, instance: head.bytes(head.target).text, request: head.idText, asText: asText)
    }
}
