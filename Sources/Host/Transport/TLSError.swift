internal import COpenSSL
internal import Failure

/// What OpenSSL says went wrong.
enum TLSError {
    /// Takes the oldest error of the calling thread, which is the cause of those after it, and forgets all.
    static func take() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "unknown error" }
        // SAFETY: the library's texts are NUL-terminated and never freed.
        if let reason = ERR_reason_error_string(code) { return String(cString: reason) }
        return "error \(code)"
    }
}
