internal import Dispatcher
internal import Items
internal import Transport

extension Connection {
    func readRequests() {
        // A short read means that the socket is empty; a long body is read on, for a while.
        for _ in 0..<16 {
            let room: UnsafeMutableRawBufferPointer
            do throws(Problem) { room = try reader.room() } catch {
                // Whoever is slow makes room for others.
                server.dropSlowest(but: self)
                return refuse(error)
            }
            guard let count = receive(room) else { return }
            reader.received(count)
            if !becomesHTTP2() { turnHTTP1() }
            guard count == room.count || holdsInput, phase == .reading, http2 == nil, !isOverdue else { return }
        }
    }

    /// Handles what has arrived and sends the answers.
    func turnHTTP1() {
        var hasMore = true
        while hasMore {
            isTurning = true
            hasMore = takeRequests()
            isTurning = false
            guard flush() else { return }
        }
        mayMove()
    }

    /// Takes requests until one must be waited for.
    /// - Returns: whether it stopped only because the answers must be sent first.
    private func takeRequests() -> Bool {
        while phase == .reading, !isEnding {
            guard !isBackedUp else { return true }
            do {
                switch try reader.advance() {
                case .head: try arrive()
                case .starved:
                    awaitBytes()
                    return false
                case .request:
                    begin()
                    // What has arrived behind it waits for others' turns.
                    guard reader.isIdle || !isOverdue else {
                        if phase == .reading, !isEnding { continueSoon() }
                        return false
                    }
                }
            } catch {
                refuse(error)
            }
        }
        return false
    }

    /// A head is complete.
    private func arrive() throws(Problem) {
        owesContinue = reader.head.expectsContinue
        guard let gate = listener.gate else { return }
        do throws(Problem) {
            reader.set(caller: try gate.admit(reader.head, subject: tls?.clientSubject))
        } catch {
            // Where the next request begins is known only if nothing of this one follows.
            guard reader.hasNoBody else { throw error }
            denial = error
        }
    }

    /// A request is incomplete.
    private func awaitBytes() {
        if owesContinue {
            owesContinue = false
            makeOutput().append(ResponseWriter.continuation)
        }
        if let progress = reader.bodyProgress {
            wait(.body, progress: progress)
        } else {
            wait(reader.isIdle ? .idle : .head)
        }
    }

    private func begin() {
        owesContinue = false
        phase = .handling
        wait(.nothing)
        reader.identify(by: &server.ids)
        let exchange = Exchange(
            connection: self, stream: 0,
            record: server.observer.begin(reader.head, reader.body.count, on: self, isHTTP2: false))
        let request = Request(head: reader.head, body: reader.body, exchange: exchange)
        reader.releaseBody()
        if let denial = denial.take() { return request.exchange.fail(denial) }
        server.handle(request)
    }

    /// Answers the request that is being handled, or refuses the one that is arriving.
    func respondHTTP1(_ response: Response) {
        guard phase == .handling else { return }
        invocation = nil
        if !reader.head.keepsAlive || server.isStopping { isEnding = true }
        server.date.update()
        ResponseWriter.write(response, to: reader.head, closes: isEnding, date: server.date, output: makeOutput())
        reader.finish()
        phase = .reading
        if !isTurning { turnHTTP1() }
    }

    /// The request is wrong or late: says so, and ends the connection, because where the next one begins is unknown.
    func refuse(_ problem: Problem) {
        phase = .handling
        isEnding = true
        reader.identify(by: &server.ids)
        let record = server.observer.begin(reader.head, reader.bodyProgress ?? 0, on: self, isHTTP2: false)
        let response = response(to: problem, stream: 0)
        ProblemCounts.add(problem)
        record?.end(response, problem)
        respondHTTP1(response)
    }

    // MARK: Changing to HTTP/2

    /// Whether the connection is one of HTTP/2, as it was agreed on (ALPN), or begins with its preface (prior knowledge) or a part
    /// of that.
    private func becomesHTTP2() -> Bool {
        guard isFresh else { return false }
        if let tls, tls.speaks("h2") {
            isFresh = false
            beginHTTP2()
            return true
        }
        let bytes = reader.unused
        let preface = Bytes(start: HTTP2Session.preface.utf8Start, count: HTTP2Session.preface.utf8CodeUnitCount)
        let common = min(bytes.count, preface.count)
        guard common > 0, bytes.part(0..<common).elementsEqual(preface.part(0..<common)) else {
            isFresh = false
            return false
        }
        guard common == preface.count else {
            wait(.head)
            return true
        }
        isFresh = false
        beginHTTP2()
        return true
    }

    /// What judges the heads of an HTTP/2 connection.
    private func makeGate() -> HTTP2Session.Gatekeeper? {
        guard let gate = listener.gate else { return nil }
        // The session is the connection's own.
        return { [unowned self] head throws(Problem) in try gate.admit(head, subject: tls?.clientSubject) }
    }

    private func beginHTTP2() {
        guard let session = HTTP2Session(limits: server.limits, gate: makeGate()) else {
            server.dropSlowest(but: self)
            return close()
        }
        session.now = server.tick
        http2 = session
        phase = .reading
        if !session.receive(reader.unused) { isEnding = true }
        reader.release()
        turnHTTP2()
    }
}
