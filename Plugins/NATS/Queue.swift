internal import CNats
internal import PluginABI
internal import PluginKit
internal import Synchronization

/// A queue: a subject of the fleet's work-queue stream, and the durable consumer of it that all nodes share.
final class Queue: FleetQueue, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `subscription` is used by `pull` and `close`, which are serial; messages are locked.
    private let connection: Connection
    private let subject: String
    private var subscription: OpaquePointer?
    private let open = Mutex(Open())

    private struct Open {
        // SAFETY of nonisolated(unsafe): a message is for any thread, one at a time, and whoever takes it out has it alone.
        nonisolated(unsafe) var messages: [UInt64: OpaquePointer] = [:]
        var next: UInt64 = 1
    }

    private struct Message: @unchecked Sendable {
        // SAFETY of @unchecked Sendable: as `Open.messages`.
        let pointer: OpaquePointer
    }

    init(_ instance: Instance, _ name: String, _ deadline: Deadline) throws(PluginError) {
        connection = instance.connection
        let settings = instance.settings
        subject = settings.queueSubject(name)
        super.init()
        let stream = try connection.jetStream(deadline)
        try makeConsumer(name, stream, settings, deadline)
        var options = jsSubOptions()
        jsSubOptions_Init(&options)
        var code = jsErrCode(rawValue: 0)
        var waiting = waiting(deadline)
        let status = settings.queueStream.withCString { streamName in
            name.withCString { consumer in
                // Bound by name, since libnats deletes the consumers that it made itself.
                (options.Stream, options.Consumer) = (streamName, consumer)
                return js_PullSubscribe(&subscription, stream, subject, consumer, &waiting, &options, &code)
            }
        }
        guard status == NATS_OK else { throw connection.failed(PluginError(nats: status, code, what: "queue \(name)")) }
    }

    private func makeConsumer(
        _ name: String, _ stream: OpaquePointer, _ settings: Settings, _ deadline: Deadline
    ) throws(PluginError) {
        var config = jsConsumerConfig()
        jsConsumerConfig_Init(&config)
        config.AckPolicy = js_AckExplicit
        config.AckWait = settings.ackWaitMs * 1_000_000
        config.MaxDeliver = -1
        config.MaxAckPending = 65_536
        var code = jsErrCode(rawValue: 0)
        var options = waiting(deadline)
        let status = name.withCString { durable in
            subject.withCString { filter in
                (config.Durable, config.FilterSubject) = (durable, filter)
                return js_AddConsumer(nil, stream, settings.queueStream, &config, &options, &code)
            }
        }
        guard status == NATS_OK else { throw connection.failed(PluginError(nats: status, code, what: "queue \(name)")) }
    }

    override func publish(
        _ id: String, _ bytes: UnsafeRawBufferPointer, _ timeout: UInt64
    ) throws(PluginError) {
        let deadline = Deadline(after: timeout)
        guard bytes.count <= connection.mostBytes else {
            throw PluginError(DN_LIMIT, "a message of \(bytes.count) bytes is longer than \(connection.mostBytes)")
        }
        let stream = try connection.jetStream(deadline)
        var options = jsPubOptions()
        jsPubOptions_Init(&options)
        options.MaxWait = milliseconds(deadline.left)
        var acknowledged: UnsafeMutablePointer<jsPubAck>?
        var code = jsErrCode(rawValue: 0)
        let status = id.withCString { id in
            options.MsgId = id
            return js_Publish(&acknowledged, stream, subject, bytes.baseAddress, Int32(bytes.count), &options, &code)
        }
        if let acknowledged { jsPubAck_Destroy(acknowledged) }
        guard status == NATS_OK else { throw connection.failed(PluginError(nats: status, code, what: "publishing")) }
    }

    override func pull(_ timeout: UInt64) throws(PluginError) -> FleetMessage {
        guard connection.isConnected else { throw .away("it connects again") }
        var list = natsMsgList()
        var code = jsErrCode(rawValue: 0)
        let status = natsSubscription_Fetch(&list, subscription, 1, milliseconds(timeout), &code)
        defer { natsMsgList_Destroy(&list) }
        guard status == NATS_OK, list.Count == 1, let message = list.Msgs[0] else {
            throw connection.failed(PluginError(nats: status == NATS_OK ? NATS_TIMEOUT : status, code, what: "pulling"))
        }
        // The list would destroy it.
        list.Msgs[0] = nil
        var facts: UnsafeMutablePointer<jsMsgMetaData>?
        var (attempt, number): (UInt32, UInt64) = (1, 0)
        if natsMsg_GetMetaData(&facts, message) == NATS_OK, let facts {
            attempt = UInt32(clamping: facts.pointee.NumDelivered)
            number = facts.pointee.Sequence.Stream
            jsMsgMetaData_Destroy(facts)
        }
        let taken = Message(pointer: message)
        let token = open.withLock { open in
            defer { open.next += 1 }
            open.messages[open.next] = taken.pointer
            return open.next
        }
        return FleetMessage(bytes: Instance.bytes(of: message), attempt: attempt, token: token, number: number)
    }

    override func settle(_ token: UInt64, _ verdict: FleetVerdict, _ timeout: UInt64) throws(PluginError) {
        guard let message = open.withLock({ $0.messages.removeValue(forKey: token).map(Message.init) })?.pointer else {
            throw PluginError(DN_INVALID, "no message has the token \(token)")
        }
        var options = waiting(Deadline(after: timeout))
        var code = jsErrCode(rawValue: 0)
        let status =
            switch verdict {
            case .done: natsMsg_AckSync(message, &options, &code)
            case .again(let delay):
                delay < 1_000_000
                    ? natsMsg_Nak(message, &options) : natsMsg_NakWithDelay(message, milliseconds(delay), &options)
            case .busy: natsMsg_InProgress(message, &options)
            }
        var isOver = status == NATS_OK
        if case .busy = verdict { isOver = false }
        guard isOver else {
            // It may be settled again.
            let kept = Message(pointer: message)
            open.withLock { $0.messages[token] = kept.pointer }
            guard status == NATS_OK else { throw connection.failed(PluginError(nats: status, code, what: "settling")) }
            return
        }
        natsMsg_Destroy(message)
    }

    override func close() {
        let left = open.withLock { open in
            defer { open.messages = [:] }
            return open.messages.values.map(Message.init)
        }
        for message in left { natsMsg_Destroy(message.pointer) }
        if let subscription { natsSubscription_Destroy(subscription) }
        subscription = nil
    }
}
