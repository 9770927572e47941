/* Requests as functions write them, and the URLs they become. */
#include "s3.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const verbs[] = {[GET] = "GET", [HEAD] = "HEAD", [PUT] = "PUT", [DELETE] = "DELETE", [LIST] = "LIST"};
enum { VERBS = sizeof verbs / sizeof *verbs };

/* Set by the plugin or by libcurl, or about the connection. */
static const char *const reserved[] = {
    "authorization", "connection",        "content-length", "expect",       "host",       "proxy-authorization",
    "te",            "transfer-encoding", "upgrade",        "x-amz-content-sha256", "x-amz-date", "x-amz-security-token",
};

const char *verb_name(enum verb verb) { return verbs[verb]; }

static bool is_allowed(const dn_instance *instance, const char *bucket, size_t length) {
    for (size_t i = 0; i < instance->bucket_count; i++) {
        const char *name = instance->buckets[i];
        if (strcmp(name, "*") == 0 || (strlen(name) == length && memcmp(name, bucket, length) == 0)) return true;
    }
    return false;
}

/* S3's rules for names, loosely: what cannot be a bucket of anybody's is refused here. */
static bool is_bucket(const char *name, size_t length) {
    if (length < 3 || length > MAX_BUCKET) return false;
    for (size_t i = 0; i < length; i++)
        if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) && name[i] != '-' && name[i] != '.')
            return false;
    return name[0] != '.' && name[length - 1] != '.';
}

static bool is_token(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("!#$%&'*+-.^_`|~", text[i])) return false;
    return length > 0;
}

static bool is_reserved(const char *name, size_t length) {
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strlen(reserved[i]) == length && strncasecmp(reserved[i], name, length) == 0) return true;
    return false;
}

/* Checks one header line without its end; null when it is right. */
static const char *header_mistake(const char *line, size_t length) {
    const char *colon = memchr(line, ':', length);
    if (!colon || !is_token(line, (size_t)(colon - line))) return "a header line is Name:Value";
    if (is_reserved(line, (size_t)(colon - line))) return "this header is the plugin's to set";
    if (length > MAX_HEADER - 2) return "a header line is too long";
    size_t value = 0;
    for (const char *at = colon + 1; at < line + length; at++) {
        if ((unsigned char)*at < ' ' && *at != '\t') return "a header's value holds a control character";
        value += *at != ' ' && *at != '\t';
    }
    return value == 0 ? "a header has no value" : 0;
}

/* The end of the line that begins at `at`, before LF or CRLF; *next is where the one behind begins, null for none. */
static const char *line_end(const char *at, const char *end, const char **next) {
    const char *feed = at < end ? memchr(at, '\n', (size_t)(end - at)) : 0;
    *next = feed ? feed + 1 : 0;
    const char *stop = feed ? feed : end;
    return stop > at && stop[-1] == '\r' ? stop - 1 : stop;
}

static bool parse_target(const dn_instance *instance, const char *start, const char *at, const char *stop,
                         struct command *out, dn_error *err) {
    const char *slash = memchr(at, '/', (size_t)(stop - at));
    out->bucket = at;
    out->bucket_length = (size_t)((slash ? slash : stop) - at);
    out->key = slash ? slash + 1 : stop;
    out->key_length = (size_t)(stop - out->key);
    if (!is_bucket(out->bucket, out->bucket_length))
        return refuse(err, DN_BAD_INPUT, (uint64_t)(at - start), "a bucket's name has 3 to 63 of a-z, 0-9, '-' and '.'"), false;
    if (!is_allowed(instance, out->bucket, out->bucket_length))
        return refuse(err, DN_PERMISSION, (uint64_t)(at - start), "bucket '%.*s' is not one that the operator allows",
                      (int)out->bucket_length, out->bucket), false;
    const uint64_t place = (uint64_t)(out->key - start);
    if (out->verb != LIST && out->key_length == 0)
        return refuse(err, DN_BAD_INPUT, place, "the key is missing: BUCKET/KEY"), false;
    if (out->key_length > MAX_KEY)
        return refuse(err, DN_BAD_INPUT, place, "a key has at most %d bytes", MAX_KEY), false;
    if (memchr(out->key, 0, out->key_length)) return refuse(err, DN_BAD_INPUT, place, "a key holds no zero byte"), false;
    return true;
}

bool command_parse(const dn_instance *instance, dn_bytes item, struct command *out, dn_error *err) {
    const char *start = (const char *)item.data, *end = start + item.len, *next;
    *out = (struct command){0};
    if (item.len > instance->max_request)
        return refuse(err, DN_BAD_INPUT, instance->max_request, "the request has %llu bytes, %llu are allowed",
                      (unsigned long long)item.len, (unsigned long long)instance->max_request), false;
    const char *stop = line_end(start, end, &next);
    const char *blank = stop > start ? memchr(start, ' ', (size_t)(stop - start)) : 0;
    const size_t verb_length = (size_t)((blank ? blank : stop) - start);
    unsigned verb = 0;
    while (verb < VERBS && (strlen(verbs[verb]) != verb_length || memcmp(verbs[verb], start, verb_length) != 0)) verb++;
    if (verb == VERBS || !blank)
        return refuse(err, DN_BAD_INPUT, 0, "the first line is GET, HEAD, PUT, DELETE or LIST, a blank, and BUCKET/KEY"), false;
    out->verb = verb;
    if (!parse_target(instance, start, blank + 1, stop, out, err)) return false;
    out->headers = next ? next : end;
    const char *at = out->headers;
    for (int lines = 0; next; lines++) {
        stop = line_end(at, end, &next);
        if (stop == at) break;
        const char *mistake = lines == MAX_HEADER_LINES ? "too many headers" : header_mistake(at, (size_t)(stop - at));
        if (mistake) return refuse(err, DN_BAD_INPUT, (uint64_t)(at - start), "%s", mistake), false;
        at = next ? next : end;
    }
    out->headers_length = (size_t)(at - out->headers);
    if (out->headers_length > MAX_HEADERS)
        return refuse(err, DN_BAD_INPUT, (uint64_t)(out->headers - start), "headers have at most %d bytes", MAX_HEADERS), false;
    if (next) out->body = (dn_bytes){.data = (const uint8_t *)next, .len = (uint64_t)(end - next)};
    if (out->body.len > 0 && out->verb != PUT)
        return refuse(err, DN_BAD_INPUT, (uint64_t)(next - start), "%s has no body", verbs[verb]), false;
    return true;
}

bool command_next_header(struct command *command, char *line, size_t size) {
    if (command->headers_length == 0) return false;
    const char *end = command->headers + command->headers_length, *next;
    const char *stop = line_end(command->headers, end, &next);
    snprintf(line, size, "%.*s", (int)(stop - command->headers), command->headers);
    command->headers_length = next ? (size_t)(end - next) : 0;
    command->headers = next ? next : end;
    return true;
}

/* RFC 3986's unreserved characters stay, as SigV4 asks ("UriEncode"). */
static char *encode(char *out, const char *text, size_t length, bool keep_slash) {
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (isalnum(c) || strchr("-._~", c) || (keep_slash && c == '/')) *out++ = (char)c;
        else out += sprintf(out, "%%%02X", c);
    }
    *out = 0;
    return out;
}

char *command_url(const dn_instance *instance, const struct command *command) {
    char *url = malloc(strlen(instance->endpoint) + command->bucket_length + 3 * command->key_length + 64);
    if (!url) return 0;
    char *at = url + sprintf(url, "%s/%.*s/", instance->endpoint, (int)command->bucket_length, command->bucket);
    if (command->verb != LIST) {
        encode(at, command->key, command->key_length, true);
    } else {
        /* In the order of their names, as they are signed. */
        at += sprintf(at, "?list-type=2&prefix=");
        encode(at, command->key, command->key_length, false);
    }
    return url;
}
