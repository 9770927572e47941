internal import Dispatcher
internal import Items

/// A complete request, and the way to answer it.
struct Request {
    /// A view that is valid while the router handles the request, not later.
    let head: RequestHead
    let body: Blob
    let exchange: Exchange
}

/// Where the answer to one request goes. To be answered exactly once, on the connection's loop.
struct Exchange: Sendable {
    let connection: Connection
    /// 0 on HTTP/1.1, which has one request at a time.
    let stream: Int32
    /// What is noted of the request; nil where nobody wants to know.
    let record: RequestRecord?
    /// What the answer says of who gave it; nil: nothing.
    var node: ServingNode?

    func respond(_ response: consuming Response) { respond(response, nil) }

    private func respond(_ response: consuming Response, _ problem: Problem?) {
        if let node { response.add(node) }
        if let problem { ProblemCounts.add(problem) }
        record?.end(response, problem)
        connection.respond(response, stream: stream)
    }

    func fail(_ problem: Problem) {
        respond(connection.response(to: problem, stream: stream), problem)
    }

    /// For an invocation that began.
    func fail(_ problem: Problem, _ timeline: InvocationTimeline) {
        var response = connection.response(to: problem, stream: stream)
        response.timeline = timeline
        respond(response, problem)
    }

    /// Remembers what to cancel if the client goes away.
    func runs(_ invocation: Invocation) { connection.runs(invocation, stream: stream) }
}
