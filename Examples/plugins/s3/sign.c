/* AWS Signature Version 4 in the Authorization header ("Authenticating Requests", Amazon S3 API reference). libcurl 7.88's
 * own signer leaves the payload's hash out. */
#include "s3.h"
#include <ctype.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HASH = SHA256_DIGEST_SIZE, HEX = 2 * HASH + 1, MOST = 64 };

/* One header that is signed: its name in lower case, and its value without blanks around it. */
struct field {
    const char *name, *value;
    size_t name_length, value_length;
};

static void to_hex(const uint8_t *hash, char *out) {
    for (int i = 0; i < HASH; i++) sprintf(out + 2 * i, "%02x", hash[i]);
}

static void hash_hex(const void *data, size_t length, char *out) {
    struct sha256_ctx context;
    uint8_t hash[HASH];
    sha256_init(&context);
    sha256_update(&context, length, data);
    sha256_digest(&context, HASH, hash);
    to_hex(hash, out);
}

static void hmac(const void *key, size_t key_length, const char *text, uint8_t *out) {
    struct hmac_sha256_ctx context;
    hmac_sha256_set_key(&context, key_length, key);
    hmac_sha256_update(&context, strlen(text), (const uint8_t *)text);
    hmac_sha256_digest(&context, HASH, out);
}

static int compare(const void *left, const void *right) {
    const struct field *a = left, *b = right;
    const size_t shorter = a->name_length < b->name_length ? a->name_length : b->name_length;
    const int order = strncasecmp(a->name, b->name, shorter);
    return order ? order : (a->name_length > b->name_length) - (a->name_length < b->name_length);
}

static struct field field_of(const char *line) {
    const char *colon = strchr(line, ':'), *value = colon + 1;
    while (*value == ' ' || *value == '\t') value++;
    size_t length = strlen(value);
    while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t')) length--;
    return (struct field){line, value, (size_t)(colon - line), length};
}

/* Appends a value as it is signed: blanks in a row count as one. */
static char *append_value(char *at, const struct field *field) {
    for (size_t i = 0; i < field->value_length; i++)
        if (!(field->value[i] == ' ' && i > 0 && field->value[i - 1] == ' ')) *at++ = field->value[i];
    return at;
}

static char *append_name(char *at, const struct field *field) {
    for (size_t i = 0; i < field->name_length; i++) *at++ = (char)tolower((unsigned char)field->name[i]);
    return at;
}

/* Writes `name:value\n` of each header, then the names joined by ';' into `names`. Those of one name share a line. */
static char *canonical_headers(struct field *fields, size_t count, char *at, char *names) {
    char *name_at = names;
    qsort(fields, count, sizeof *fields, compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare(&fields[i - 1], &fields[i]) == 0) {
            at[-1] = ',';
        } else {
            at = append_name(at, &fields[i]);
            *at++ = ':';
            if (i > 0) *name_at++ = ';';
            name_at = append_name(name_at, &fields[i]);
        }
        at = append_value(at, &fields[i]);
        *at++ = '\n';
    }
    *name_at = 0;
    *at = 0;
    return at;
}

/* The signing key of a day, region and service. */
static void derive_key(const dn_instance *instance, const char *day, uint8_t *key) {
    char secret[MAX_SECRET + 8];
    snprintf(secret, sizeof secret, "AWS4%s", instance->secret_key);
    hmac(secret, strlen(secret), day, key);
    hmac(key, HASH, instance->region, key);
    hmac(key, HASH, "s3", key);
    hmac(key, HASH, "aws4_request", key);
}

char *sign(const dn_instance *instance, const struct command *command, const char *url, const char *payload_hash,
           const struct tm *time, const struct curl_slist *headers) {
    struct field fields[MOST];
    size_t count = 0, bytes = 0;
    for (const struct curl_slist *at = headers; at && count < MOST; at = at->next) {
        const size_t length = strlen(at->data);
        if (at->data[length - 1] == ':') continue; /* one that libcurl must not add */
        fields[count++] = field_of(at->data);
        bytes += length + 2;
    }
    const char *path = url + strlen(instance->endpoint), *query = strchr(path, '?');
    char *text = malloc(strlen(url) + 2 * bytes + 1024), *names = malloc(bytes + 1), *line = malloc(bytes + 512);
    if (text && names && line) {
        char date[17], scope[128], request_hash[HEX], signature[HEX], to_sign[256];
        uint8_t key[HASH];
        strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", time);
        snprintf(scope, sizeof scope, "%.8s/%s/s3/aws4_request", date, instance->region);
        char *at = text + sprintf(text, "%s\n%.*s\n%s\n", command->verb == LIST ? "GET" : verb_name(command->verb),
                                  (int)(query ? (size_t)(query - path) : strlen(path)), path, query ? query + 1 : "");
        at = canonical_headers(fields, count, at, names);
        sprintf(at, "\n%s\n%s", names, payload_hash);
        hash_hex(text, strlen(text), request_hash);
        snprintf(to_sign, sizeof to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope, request_hash);
        date[8] = 0;
        derive_key(instance, date, key);
        hmac(key, HASH, to_sign, key);
        to_hex(key, signature);
        snprintf(line, bytes + 512, "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s",
                 instance->access_key, scope, names, signature);
    } else {
        free(line);
        line = 0;
    }
    free(text);
    free(names);
    return line;
}

void payload_hash(dn_bytes body, char *out) { hash_hex(body.data, body.len, out); }
