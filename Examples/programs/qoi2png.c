/* Turns the QOI images of the input set `images` into PNG files in the output set `pngs`.
 *
 * QOI: https://qoiformat.org/qoi-specification.pdf; PNG: RFC 2083, whose data is stored in the deflate format's
 * uncompressed blocks (RFC 1951, section 3.2.4): the time goes into decoding and checksums. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct image {
    uint32_t width, height;
    unsigned channels;
    unsigned char *rows; /* each with PNG's filter byte, 0, in front */
};

struct pixel {
    unsigned char r, g, b, a;
};

static uint32_t big_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Reads one chunk into `pixel`; returns how often it is repeated, 0 at the end of the data. */
static unsigned next_chunk(const unsigned char **at, const unsigned char *end, struct pixel *pixel, struct pixel *seen) {
    if (end - *at < 5) return 0; /* the 8 bytes of the end marker keep whole chunks readable */
    unsigned tag = *(*at)++, repeats = 1;
    if (tag == 0xfe || tag == 0xff) {
        pixel->r = (*at)[0], pixel->g = (*at)[1], pixel->b = (*at)[2];
        if (tag == 0xff) pixel->a = (*at)[3];
        *at += tag == 0xff ? 4 : 3;
    } else if (tag >> 6 == 0) {
        *pixel = seen[tag];
    } else if (tag >> 6 == 1) {
        pixel->r += (tag >> 4 & 3) - 2, pixel->g += (tag >> 2 & 3) - 2, pixel->b += (tag & 3) - 2;
    } else if (tag >> 6 == 2) {
        unsigned green = (tag & 63) - 32, second = *(*at)++;
        pixel->r += green + (second >> 4) - 8, pixel->g += green, pixel->b += green + (second & 15) - 8;
    } else {
        repeats = (tag & 63) + 1;
    }
    seen[(pixel->r * 3 + pixel->g * 5 + pixel->b * 7 + pixel->a * 11) % 64] = *pixel;
    return repeats;
}

static int decode(const unsigned char *data, size_t length, struct image *image) {
    if (length < 14 + 8 || memcmp(data, "qoif", 4) != 0) return -1;
    image->width = big_endian(data + 4), image->height = big_endian(data + 8), image->channels = data[12];
    if (image->channels < 3 || image->channels > 4 || image->width == 0 || image->height == 0) return -1;
    if (image->width > 1 << 15 || image->height > 1 << 15) return -1;
    size_t row = (size_t)image->width * image->channels + 1;
    unsigned char *to = image->rows = malloc(row * image->height);
    if (!to) return -1;
    const unsigned char *at = data + 14, *end = data + length - 3;
    struct pixel pixel = {0, 0, 0, 255}, seen[64] = {{0}};
    unsigned repeats = 0;
    for (uint32_t y = 0; y < image->height; y++) {
        *to++ = 0;
        for (uint32_t x = 0; x < image->width; x++, repeats--) {
            if (repeats == 0 && (repeats = next_chunk(&at, end, &pixel, seen)) == 0) return -1;
            memcpy(to, &pixel, image->channels);
            to += image->channels;
        }
    }
    return 0;
}

static uint32_t crc_table[256];

static void make_crc_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320u ^ crc >> 1 : crc >> 1;
        crc_table[i] = crc;
    }
}

struct chunk {
    FILE *file;
    uint32_t crc;
};

static void put(struct chunk *chunk, const void *data, size_t length) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < length; i++) chunk->crc = crc_table[(chunk->crc ^ bytes[i]) & 255] ^ chunk->crc >> 8;
    fwrite(data, 1, length, chunk->file);
}

static void put_number(struct chunk *chunk, uint32_t number) {
    unsigned char bytes[4] = {number >> 24, number >> 16, number >> 8, number};
    put(chunk, bytes, sizeof bytes);
}

static struct chunk begin(FILE *file, const char *type, uint32_t length) {
    struct chunk chunk = {file, 0};
    put_number(&chunk, length);
    chunk.crc = ~0u;
    put(&chunk, type, 4);
    return chunk;
}

static void finish(struct chunk *chunk) { put_number(chunk, ~chunk->crc); }

static uint32_t adler(const unsigned char *bytes, size_t length) {
    uint32_t low = 1, high = 0;
    while (length > 0) {
        size_t part = length < 5552 ? length : 5552; /* as many sums as stay below 2^32 */
        for (size_t i = 0; i < part; i++) high += low += *bytes++;
        low %= 65521, high %= 65521, length -= part;
    }
    return high << 16 | low;
}

static void put_pixels(FILE *file, const struct image *image) {
    size_t length = ((size_t)image->width * image->channels + 1) * image->height, blocks = (length + 65534) / 65535;
    struct chunk chunk = begin(file, "IDAT", (uint32_t)(2 + length + 5 * blocks + 4));
    put(&chunk, "\x78\x01", 2);
    for (size_t at = 0; at < length; at += 65535) {
        unsigned part = length - at < 65535 ? (unsigned)(length - at) : 65535;
        unsigned char head[5] = {at + part == length, part, part >> 8, ~part, ~part >> 8};
        put(&chunk, head, sizeof head);
        put(&chunk, image->rows + at, part);
    }
    put_number(&chunk, adler(image->rows, length));
    finish(&chunk);
}

static void encode(FILE *file, const struct image *image) {
    fwrite("\x89PNG\r\n\x1a\n", 1, 8, file);
    struct chunk chunk = begin(file, "IHDR", 13);
    put_number(&chunk, image->width);
    put_number(&chunk, image->height);
    put(&chunk, (unsigned char[]){8, image->channels == 4 ? 6 : 2, 0, 0, 0}, 5);
    finish(&chunk);
    put_pixels(file, image);
    chunk = begin(file, "IEND", 0);
    finish(&chunk);
}

static unsigned char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) return NULL;
    *length = (size_t)ftell(file);
    unsigned char *data = malloc(*length + 1);
    rewind(file);
    if (data && fread(data, 1, *length, file) != *length) free(data), data = NULL;
    fclose(file);
    return data;
}

static int convert(const char *name) {
    char path[600];
    struct image image = {0};
    size_t length, stem = strlen(name);
    snprintf(path, sizeof path, "/images/%s", name);
    unsigned char *data = read_file(path, &length);
    int status = data ? decode(data, length, &image) : -1;
    free(data);
    if (status == 0) {
        if (stem > 4 && strcmp(name + stem - 4, ".qoi") == 0) stem -= 4;
        snprintf(path, sizeof path, "/pngs/%.*s.png", (int)stem, name);
        FILE *file = fopen(path, "wb");
        status = -1;
        if (file) {
            encode(file, &image);
            status = ferror(file) | fclose(file) ? -1 : 0;
        }
    }
    free(image.rows);
    if (status != 0) fprintf(stderr, "%s: not an image that can be converted\n", name);
    return status;
}

int main(void) {
    int failed = 0;
    DIR *images = opendir("/images");
    if (!images) {
        perror("/images");
        return 1;
    }
    make_crc_table();
    for (struct dirent *entry; (entry = readdir(images));)
        if (entry->d_name[0] != '.') failed |= convert(entry->d_name) != 0;
    closedir(images);
    return failed;
}
