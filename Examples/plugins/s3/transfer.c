/* One request, from libcurl's point of view. */
#include "s3.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool transfer_charge(struct transfer *transfer, uint64_t bytes) {
    const dn_instance *instance = transfer->instance;
    if (!instance->memory) return true;
    transfer->no_memory = instance->memory->charge(instance->host, transfer->account, bytes) != DN_OK;
    if (!transfer->no_memory) transfer->charged += bytes;
    return !transfer->no_memory;
}

/* Room is charged before it is taken, in steps, so that an answer is charged little more than it has. */
static bool append(struct transfer *transfer, struct bytes *bytes, const char *data, size_t length) {
    enum { STEP = 64 << 10 };
    if (bytes->capacity - bytes->used < length) {
        const size_t wanted = bytes->used + length, roomy = bytes->capacity + bytes->capacity / 4;
        const size_t capacity = wanted > STEP ? ((wanted > roomy ? wanted : roomy) + STEP - 1) / STEP * STEP : wanted * 2;
        if (!transfer_charge(transfer, capacity - bytes->capacity)) return false;
        char *more = realloc(bytes->data, capacity);
        transfer->no_memory = !more;
        if (!more) return false;
        bytes->data = more;
        bytes->capacity = capacity;
    }
    memcpy(bytes->data + bytes->used, data, length);
    bytes->used += length;
    return true;
}

static bool has_room(struct transfer *transfer, size_t more) {
    transfer->too_large = transfer->head.used + transfer->body.used + more > transfer->max_response;
    return !transfer->too_large;
}

/* The status line as it came, then `name:value` lines with names in lower case. */
static size_t take_header(char *data, size_t size, size_t count, void *arg) {
    struct transfer *transfer = arg;
    const size_t length = size * count;
    size_t used = length;
    while (used > 0 && (data[used - 1] == '\n' || data[used - 1] == '\r')) used--;
    /* An interim response (100, 103) is followed by the real one. */
    if (used >= 5 && memcmp(data, "HTTP/", 5) == 0) transfer->head.used = 0;
    if (used == 0) return length;
    if (!has_room(transfer, used + 1)) return 0;
    const size_t start = transfer->head.used;
    char *colon = transfer->head.used > 0 ? memchr(data, ':', used) : 0;
    if (!colon) return append(transfer, &transfer->head, data, used) && append(transfer, &transfer->head, "\n", 1) ? length : 0;
    char *value = colon + 1;
    while (value < data + used && (*value == ' ' || *value == '\t')) value++;
    if (!append(transfer, &transfer->head, data, (size_t)(colon + 1 - data)) ||
        !append(transfer, &transfer->head, value, (size_t)(data + used - value)) || !append(transfer, &transfer->head, "\n", 1))
        return 0;
    for (size_t i = start; transfer->head.data[i] != ':'; i++)
        if (transfer->head.data[i] >= 'A' && transfer->head.data[i] <= 'Z') transfer->head.data[i] |= 32;
    return length;
}

static size_t take_body(char *data, size_t size, size_t count, void *arg) {
    struct transfer *transfer = arg;
    return has_room(transfer, size * count) && append(transfer, &transfer->body, data, size * count) ? size * count : 0;
}

/* Adds a header; false without memory. */
static bool add_header(struct transfer *transfer, const char *format, ...) {
    char line[MAX_HEADER + 64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    struct curl_slist *more = curl_slist_append(transfer->headers, line);
    if (more) transfer->headers = more;
    return more != 0;
}

/* The function's headers, those of the signature, and an end to those that libcurl would add. */
static bool set_headers(
    struct transfer *transfer, const dn_instance *instance, struct command command, const char *url) {
    const struct command whole = command;
    char line[MAX_HEADER], hash[PAYLOAD_HASH], date[17];
    struct tm utc;
    const time_t now = time(0);
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &utc);
    payload_hash(command.body, hash);
    bool has_type = false;
    while (command_next_header(&command, line, sizeof line)) {
        has_type = has_type || strncasecmp(line, "content-type:", 13) == 0;
        if (!add_header(transfer, "%s", line)) return false;
    }
    if (!has_type && !add_header(transfer, command.verb == PUT ? "Content-Type: application/octet-stream" : "Content-Type:"))
        return false;
    if (!add_header(transfer, "Expect:") || !add_header(transfer, "Host: %s", instance->authority) ||
        !add_header(transfer, "x-amz-content-sha256: %s", hash) || !add_header(transfer, "x-amz-date: %s", date) ||
        (instance->token && !add_header(transfer, "x-amz-security-token: %s", instance->token)))
        return false;
    char *authorization = sign(instance, &whole, url, hash, &utc, transfer->headers);
    struct curl_slist *more = authorization ? curl_slist_append(transfer->headers, authorization) : 0;
    free(authorization);
    if (more) transfer->headers = more;
    return more != 0;
}

bool transfer_begin(struct transfer *transfer, const dn_instance *instance, const struct command *command) {
    if (!transfer->easy) transfer->easy = curl_easy_init();
    CURL *easy = transfer->easy;
    char *url = command_url(instance, command);
    const bool set = easy && url && set_headers(transfer, instance, *command, url) &&
                     curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
                     curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    free(url);
    if (!set) return false;
    transfer->curl_error[0] = 0;
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_error);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)instance->connect_timeout_ms);
    if (instance->ca_file) curl_easy_setopt(easy, CURLOPT_CAINFO, instance->ca_file);
    if (command->verb == PUT) {
        /* Sent from where the host lent it. */
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)command->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, command->body.len ? (const char *)command->body.data : "");
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
    } else if (command->verb == HEAD) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (command->verb == DELETE) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
    }
    return true;
}

static int32_t outcome_of(const struct transfer *transfer, CURLcode result) {
    if (transfer->too_large) return DN_COMM_TOO_LARGE;
    if (transfer->no_memory) return DN_COMM_NO_MEMORY;
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST: return DN_COMM_RESOLVE;
    case CURLE_COULDNT_CONNECT: return DN_COMM_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: return DN_COMM_TLS;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING: return DN_COMM_RESET;
    case CURLE_OPERATION_TIMEDOUT: return DN_COMM_CONNECT; /* only connecting has a time limit of libcurl's */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return DN_COMM_PROTOCOL;
    default: return DN_COMM_OTHER;
    }
}

/* Whether a byte of the request has left, on this or an earlier connection. */
static bool was_sent(struct transfer *transfer) {
    long bytes = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
}

void transfer_end(struct transfer *transfer, CURLcode result) {
    long status = 0;
    curl_off_t sent = 0, received = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    transfer->sent = (uint64_t)sent;
    transfer->received = (uint64_t)received;
    transfer->state = FINISHED;
    transfer->ended = clock_now();
    if (result != CURLE_OK) {
        transfer->outcome = outcome_of(transfer, result);
        transfer->effect = was_sent(transfer) ? DN_EFFECT_MAY_HAVE_HAPPENED : DN_EFFECT_NOT_SENT;
        const char *why = transfer->too_large      ? "the answer is larger than allowed"
                          : transfer->no_memory ? "the node has no memory for the answer now"
                          : *transfer->curl_error ? transfer->curl_error
                                                   : curl_easy_strerror(result);
        snprintf(transfer->message, sizeof transfer->message, "%s", why);
        return;
    }
    transfer->outcome = DN_COMM_OK;
    transfer->effect = DN_EFFECT_DONE;
    transfer->status = (int32_t)status;
    transfer->outputs[0] = (dn_bytes){.data = (const uint8_t *)transfer->head.data, .len = transfer->head.used};
    transfer->outputs[1] = (dn_bytes){.data = (const uint8_t *)transfer->body.data, .len = transfer->body.used};
}

void transfer_give_up(struct transfer *transfer, int32_t outcome, const char *why) {
    transfer->outcome = outcome;
    transfer->effect = transfer->easy && was_sent(transfer) ? DN_EFFECT_MAY_HAVE_HAPPENED : DN_EFFECT_NOT_SENT;
    transfer->state = FINISHED;
    transfer->ended = clock_now();
    snprintf(transfer->message, sizeof transfer->message, "%s", why);
}

void transfer_clear(struct transfer *transfer) {
    if (transfer->easy) curl_easy_reset(transfer->easy);
    curl_slist_free_all(transfer->headers);
    free(transfer->head.data);
    free(transfer->body.data);
    if (transfer->charged) transfer->instance->memory->release(transfer->instance->host, transfer->account, transfer->charged);
    *transfer = (struct transfer){.easy = transfer->easy, .reactor = transfer->reactor};
}
