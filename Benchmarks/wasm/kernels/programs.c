/* Two programs as functions have them: reading JSON, and turning an image into another format. */
#include "kernels.h"

/* ---- JSON (RFC 8259): counts and sums what a text holds ---- */

struct reader {
    const uint8_t *at, *end;
    uint64_t digest;
};

static int value(struct reader *r, int depth);

static void space(struct reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r')) r->at++;
}

static int string(struct reader *r) {
    uint64_t hash = 0;
    for (r->at++; r->at < r->end && *r->at != '"'; r->at++) {
        if (*r->at == '\\' && ++r->at == r->end) return 0;
        hash = hash * 31 + *r->at;
    }
    r->digest = mix(r->digest, hash);
    return r->at++ < r->end;
}

static int number(struct reader *r) {
    double sign = 1, sum = 0, scale = 1;
    if (*r->at == '-') sign = -1, r->at++;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') sum = sum * 10 + (*r->at++ - '0');
    if (r->at < r->end && *r->at == '.')
        for (r->at++; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) sum += (*r->at - '0') * (scale /= 10);
    r->digest = mix(r->digest, __builtin_bit_cast(uint64_t, sign * sum));
    return 1;
}

static int members(struct reader *r, int depth, uint8_t close, int named) {
    r->at++;
    for (space(r); r->at < r->end && *r->at != close; space(r)) {
        if (named) {
            if (*r->at != '"' || !string(r)) return 0;
            space(r);
            if (r->at == r->end || *r->at++ != ':') return 0;
        }
        if (!value(r, depth + 1)) return 0;
        space(r);
        if (r->at < r->end && *r->at == ',') r->at++;
    }
    return r->at++ < r->end;
}

static int value(struct reader *r, int depth) {
    space(r);
    if (r->at == r->end || depth > 100) return 0;
    switch (*r->at) {
        case '{': return members(r, depth, '}', 1);
        case '[': return members(r, depth, ']', 0);
        case '"': return string(r);
        case 't': case 'f': case 'n':
            r->digest = mix(r->digest, *r->at);
            r->at += *r->at == 'f' ? 5 : 4;
            return r->at <= r->end;
        default: return number(r);
    }
}

KERNEL(json_parse) {
    enum { SIZE = 1 << 20 };
    static uint8_t text[SIZE];
    static const char record[] =
        "{\"id\": 12345, \"name\": \"a \\\"quoted\\\" name\", \"tags\": [\"one\", \"two\", true, null], "
        "\"place\": {\"lat\": 46.519653, \"lon\": -6.632273}, \"ok\": false},\n";
    size_t length = 0;
    text[length++] = '[';
    while (length + sizeof record < SIZE)
        for (size_t i = 0; record[i]; i++) text[length++] = (uint8_t)record[i];
    text[length++] = ']';
    struct reader reader = {text, text + length, 0};
    return value(&reader, 0) ? reader.digest : 0;
}

/* ---- QOI to PNG: decodes an image, then filters and deflates it ---- */

enum { WIDTH = 512, HEIGHT = 512, ROW = 1 + 3 * WIDTH, PIXELS = WIDTH * HEIGHT };

struct pixel {
    uint8_t r, g, b;
};

static uint8_t qoi[PIXELS * 4 + 64], rows[HEIGHT * ROW], png[HEIGHT * ROW * 2];
static struct pixel image[PIXELS];

static unsigned place(struct pixel p) { return (p.r * 3u + p.g * 5u + p.b * 7u + 255u * 11u) % 64; }
static int same(struct pixel a, struct pixel b) { return a.r == b.r && a.g == b.g && a.b == b.b; }

/* Draws, and encodes with all of QOI's chunks but the one for alpha. */
static size_t encode(void) {
    struct pixel seen[64] = {{0}}, last = {0};
    size_t length = 0, run = 0;
    for (int i = 0; i < PIXELS; i++) {
        int x = i % WIDTH, y = i / WIDTH;
        struct pixel p = {(uint8_t)(x / 2), (uint8_t)(y / 3), (uint8_t)((x / 64 ^ y / 64) * 40)};
        if ((x * 7 + y * 13) % 97 == 0) p.r = (uint8_t)(x * y);
        if (same(p, last) && run < 62) {
            run++;
            continue;
        }
        if (run) qoi[length++] = (uint8_t)(0xc0 | (run - 1));
        run = 0;
        int dr = (int8_t)(p.r - last.r), dg = (int8_t)(p.g - last.g), db = (int8_t)(p.b - last.b);
        if (same(seen[place(p)], p)) {
            qoi[length++] = (uint8_t)place(p);
        } else if (dr >= -2 && dr <= 1 && dg >= -2 && dg <= 1 && db >= -2 && db <= 1) {
            qoi[length++] = (uint8_t)(0x40 | (dr + 2) << 4 | (dg + 2) << 2 | (db + 2));
        } else if (dg >= -32 && dg <= 31 && dr - dg >= -8 && dr - dg <= 7 && db - dg >= -8 && db - dg <= 7) {
            qoi[length++] = (uint8_t)(0x80 | (dg + 32));
            qoi[length++] = (uint8_t)((dr - dg + 8) << 4 | (db - dg + 8));
        } else {
            qoi[length++] = 0xfe;
            qoi[length++] = p.r, qoi[length++] = p.g, qoi[length++] = p.b;
        }
        seen[place(p)] = last = p;
    }
    if (run) qoi[length++] = (uint8_t)(0xc0 | (run - 1));
    return length;
}

static void decode(size_t length) {
    struct pixel seen[64] = {{0}}, p = {0};
    size_t at = 0, count = 0;
    while (at < length && count < PIXELS) {
        uint8_t chunk = qoi[at++];
        size_t run = 1;
        if (chunk == 0xfe) {
            p = (struct pixel){qoi[at], qoi[at + 1], qoi[at + 2]};
            at += 3;
        } else if (chunk >> 6 == 0) {
            p = seen[chunk];
        } else if (chunk >> 6 == 1) {
            p.r += (chunk >> 4 & 3) - 2, p.g += (chunk >> 2 & 3) - 2, p.b += (chunk & 3) - 2;
        } else if (chunk >> 6 == 2) {
            int dg = (chunk & 63) - 32;
            p.r += dg + (qoi[at] >> 4) - 8, p.g += dg, p.b += dg + (qoi[at] & 15) - 8;
            at++;
        } else {
            run = (chunk & 63) + 1u;
        }
        seen[place(p)] = p;
        while (run-- && count < PIXELS) image[count++] = p;
    }
}

static int predict(int left, int up, int corner) {
    int guess = left + up - corner;
    int a = guess > left ? guess - left : left - guess;
    int b = guess > up ? guess - up : up - guess;
    int c = guess > corner ? guess - corner : corner - guess;
    return a <= b && a <= c ? left : b <= c ? up : corner;
}

/* PNG's filter of type 4 (Paeth). */
static void filter(void) {
    const uint8_t *bytes = &image[0].r;
    for (int y = 0; y < HEIGHT; y++) {
        uint8_t *row = rows + y * ROW;
        row[0] = 4;
        for (int x = 0; x < 3 * WIDTH; x++) {
            const uint8_t *here = bytes + y * 3 * WIDTH + x;
            int left = x >= 3 ? here[-3] : 0, up = y ? here[-3 * WIDTH] : 0;
            int corner = x >= 3 && y ? here[-3 * WIDTH - 3] : 0;
            row[1 + x] = (uint8_t)(*here - predict(left, up, corner));
        }
    }
}

struct bits {
    uint8_t *at;
    uint64_t word;
    int count;
};

static void put(struct bits *to, uint32_t code, int count) {
    to->word |= (uint64_t)code << to->count;
    for (to->count += count; to->count >= 8; to->count -= 8, to->word >>= 8) *to->at++ = (uint8_t)to->word;
}

static uint32_t reversed(uint32_t code, int count) {
    uint32_t result = 0;
    while (count--) result = result << 1 | (code & 1), code >>= 1;
    return result;
}

/* Deflate's fixed codes (RFC 1951) with matches at distance 1. */
static size_t deflate(void) {
    struct bits to = {png, 0, 0};
    put(&to, 3, 3);
    for (size_t i = 0; i < sizeof rows;) {
        size_t run = 0;
        while (i && i + run < sizeof rows && run < 10 && rows[i + run] == rows[i - 1]) run++;
        if (run >= 3) {
            put(&to, reversed((uint32_t)(run - 3 + 1), 7), 7);
            put(&to, 0, 5);
            i += run;
        } else {
            uint8_t byte = rows[i++];
            if (byte < 144) put(&to, reversed(0x30u + byte, 8), 8);
            else put(&to, reversed(0x190u + byte - 144u, 9), 9);
        }
    }
    put(&to, 0, 7);
    put(&to, 0, 7);
    return (size_t)(to.at - png);
}

KERNEL(qoi_to_png) {
    decode(encode());
    filter();
    size_t length = deflate();
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < sizeof rows;) {
        for (size_t end = i + 5552 < sizeof rows ? i + 5552 : sizeof rows; i < end; i++) a += rows[i], b += a;
        a %= 65521, b %= 65521;
    }
    uint64_t digest = mix(length, (uint64_t)b << 16 | a);
    for (size_t i = 0; i < length; i += 64) digest = mix(digest, png[i]);
    return digest;
}
