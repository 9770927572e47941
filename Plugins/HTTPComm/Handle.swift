internal import CCurl
internal import CHTTPComm
internal import Glibc

/// A libcurl handle, for one hop of one request. Handles are not used again: libcurl 7.88 leaves a pointer to the header line
/// last received in a handle when it frees that line, and a folded first line of the next answer writes there
/// (curl/curl#11103). Connections, names and authorities are kept by the multi handle, so a new handle costs little.
final class Handle {
    let easy: UnsafeMutableRawPointer

    /// `nil` when there is no memory.
    /// - Parameter transfer: lives longer than the handle, as does `errors` (CURL_ERROR_SIZE bytes).
    init?(_ transfer: Transfer, _ errors: UnsafeMutablePointer<CChar>) {
        guard let easy = curl_easy_init() else { return nil }
        self.easy = easy
        errors[0] = 0
        guard EasyOptions.setFixed(easy, transfer.instance, transfer, errors) else { return nil }
    }

    /// Not in a multi handle any more.
    deinit { curl_easy_cleanup(easy) }

    func number(_ info: CURLINFO) -> Int {
        var value = 0
        return hc_get_long(easy, info, &value) == CURLE_OK ? max(0, value) : 0
    }

    func offset(_ info: CURLINFO) -> Int {
        var value: curl_off_t = 0
        return hc_get_offset(easy, info, &value) == CURLE_OK ? max(0, Int(value)) : 0
    }

    /// Where the redirect that was received leads, absolute; valid until the handle ends.
    var redirect: Bytes? {
        var location: UnsafeMutableRawPointer?
        guard hc_get_pointer(easy, CURLINFO_REDIRECT_URL, &location) == CURLE_OK, let location else { return nil }
        // SAFETY: libcurl's text, NUL-terminated.
        return Bytes(start: location, count: strlen(location.assumingMemoryBound(to: CChar.self)))
    }
}
