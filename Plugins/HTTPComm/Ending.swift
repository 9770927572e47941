internal import CCurl
internal import PluginABI
internal import PluginKit

/// The outcome of a request, in the words of dn_completion.
struct Ending {
    /// What is known when libcurl gives up or is done.
    struct Facts {
        var code: CURLcode
        /// libcurl's own description.
        var detail: String
        var fault: AnswerFault?
        var denial: String?
        var wasSent: Bool
        var hasHead: Bool
        var connectTimeoutMs: Int
    }

    var outcome = DN_COMM_OK
    var effect = DN_EFFECT_NOT_SENT
    var status: Int32 = 0
    var message = ""

    init() {}

    init(_ outcome: Int32, wasSent: Bool, _ message: String) {
        self.outcome = outcome
        effect = wasSent ? DN_EFFECT_MAY_HAVE_HAPPENED : DN_EFFECT_NOT_SENT
        self.message = message
    }

    /// A redirect that is not followed.
    init(_ refusal: PluginError) {
        let outcome = refusal.status == DN_PERMISSION ? DN_COMM_DENIED : DN_COMM_PROTOCOL
        self.init(refusal.status == DN_NO_MEMORY ? DN_COMM_NO_MEMORY : outcome, wasSent: true, refusal.message)
    }

    init(_ facts: Facts, status: Int32) {
        if facts.code == CURLE_OK, facts.fault == nil {
            self.init()
            effect = DN_EFFECT_DONE
            self.status = status
            return
        }
        if let fault = Self.fault(facts) {
            let outcome =
                switch fault.kind {
                case .malformed: DN_COMM_PROTOCOL
                case .tooLarge: DN_COMM_TOO_LARGE
                case .noMemory: DN_COMM_NO_MEMORY
                }
            self.init(outcome, wasSent: facts.wasSent, fault.reason)
            return
        }
        let (outcome, sentence) = Self.classify(facts)
        let detail = facts.detail.isEmpty ? String(cString: curl_easy_strerror(facts.code)) : facts.detail
        self.init(outcome, wasSent: facts.wasSent, outcome == DN_COMM_DENIED ? sentence : "\(sentence) (\(detail))")
    }

    /// What the answer reader found, or what libcurl says of a header line before it gives it to the reader.
    private static func fault(_ facts: Facts) -> AnswerFault? {
        if let fault = facts.fault { return fault }
        guard facts.wasSent, !facts.hasHead else { return nil }
        switch facts.code {
        case CURLE_OUT_OF_MEMORY: return .longLine  // of more than CURL_MAX_HTTP_HEADER bytes
        case CURLE_BAD_FUNCTION_ARGUMENT:
            return .malformed("a folded header line that continues no other, or a carriage return inside a line")
        default: return nil
        }
    }

    private static func classify(_ facts: Facts) -> (Int32, String) {
        switch facts.code {
        case CURLE_OPERATION_TIMEDOUT: return (DN_COMM_CONNECT, "no connection within \(facts.connectTimeoutMs) ms")
        case CURLE_COULDNT_CONNECT:
            if let denial = facts.denial { return (DN_COMM_DENIED, denial) }
            return (DN_COMM_CONNECT, "the connection was not made")
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            return (DN_COMM_RESOLVE, "the host name has no address")
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_CRL_BADFILE:
            return (DN_COMM_TLS, "TLS failed or the server's certificate was not accepted")
        case CURLE_GOT_NOTHING: return (DN_COMM_RESET, "the server closed the connection without an answer")
        case CURLE_PARTIAL_FILE: return (DN_COMM_RESET, "the server closed the connection before the body's end")
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR: return (DN_COMM_RESET, "the connection broke")
        case CURLE_ABORTED_BY_CALLBACK:
            return (DN_COMM_RESET, "a kept connection broke after the request was sent; it is not sent twice")
        case CURLE_OUT_OF_MEMORY: return (DN_COMM_NO_MEMORY, "no memory for the request")
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_HTTP2_STREAM,
            CURLE_BAD_CONTENT_ENCODING, CURLE_WRITE_ERROR, CURLE_OK:
            return (DN_COMM_PROTOCOL, "the server's answer is not HTTP")
        default: return (DN_COMM_OTHER, "the request failed")
        }
    }
}
