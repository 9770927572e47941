#include "bytes.h"

namespace sql {

uint64_t read_varint(const uint8_t *&at, const uint8_t *end) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (at == end) throw Failure("a column chunk ends within a number");
        value |= uint64_t(*at & 0x7f) << shift;
        if (!(*at++ & 0x80)) return value;
    }
    throw Failure("a column chunk holds a number that is too long");
}

/* Length and distance of a copy; `at` is behind its tag byte. */
static void copy_element(uint8_t tag, const uint8_t *&at, const uint8_t *end, size_t &length, size_t &distance) {
    const size_t bytes = (tag & 3) == 1 ? 1 : (tag & 3) == 2 ? 2 : 4;
    if (size_t(end - at) < bytes) throw Failure("a compressed page ends too early");
    distance = 0;
    std::memcpy(&distance, at, bytes);
    at += bytes;
    length = bytes == 1 ? (tag >> 2 & 7) + 4 : size_t(tag >> 2) + 1;
    if (bytes == 1) distance |= size_t(tag >> 5) << 8;
}

void snappy_decompress(Text block, char *to, size_t length) {
    const uint8_t *at = reinterpret_cast<const uint8_t *>(block.data()), *end = at + block.size();
    if (read_varint(at, end) != length) throw Failure("a compressed page has another length than its header says");
    size_t done = 0;
    while (at < end) {
        const uint8_t tag = *at++;
        size_t count = (tag >> 2) + 1, distance = 0;
        if ((tag & 3) == 0) {
            if (count > 60) {
                const size_t bytes = count - 60;
                if (size_t(end - at) < bytes) throw Failure("a compressed page ends too early");
                count = 0;
                std::memcpy(&count, at, bytes);
                count++;
                at += bytes;
            }
            if (count > size_t(end - at) || count > length - done) throw Failure("a compressed page is broken");
            std::memcpy(to + done, at, count);
            at += count;
        } else {
            copy_element(tag, at, end, count, distance);
            if (distance == 0 || distance > done || count > length - done) throw Failure("a compressed page is broken");
            char *target = to + done;
            const char *source = target - distance;
            if (distance >= count) std::memcpy(target, source, count);
            else
                for (size_t i = 0; i < count; i++) target[i] = source[i]; /* repeats what it writes */
        }
        done += count;
    }
    if (done != length) throw Failure("a compressed page is shorter than its header says");
}

PackedNumbers::PackedNumbers(Text bytes, unsigned width)
    : at(reinterpret_cast<const uint8_t *>(bytes.data())), end(at + bytes.size()), width(width) {
    if (width > 32) throw Failure("a page packs numbers of more than 32 bits");
}

void PackedNumbers::next_run() {
    const uint64_t header = read_varint(at, end);
    const size_t bytes = (width + 7) / 8;
    packed = header & 1;
    left = header >> 1;
    if (packed) {
        const uint64_t available = width ? uint64_t(end - at) / width : UINT64_MAX / 8;
        /* The last group may lack the bytes behind the last number. */
        if (left > available + 1) throw Failure("a page ends within its packed numbers");
        group = at;
        taken = 0;
        at += std::min<uint64_t>(left * width, uint64_t(end - at));
        left *= 8;
    } else {
        if (size_t(end - at) < bytes) throw Failure("a page ends within its packed numbers");
        repeated = 0;
        std::memcpy(&repeated, at, bytes);
        at += bytes;
    }
    if (left == 0) throw Failure("a page holds an empty run");
}

uint32_t PackedNumbers::packed_at(size_t index) const {
    const size_t bit = index * width, byte = bit / 8, size = size_t(end - group);
    uint64_t word = 0;
    if (byte < size) std::memcpy(&word, group + byte, std::min<size_t>(8, size - byte));
    return uint32_t(word >> (bit % 8) & ((uint64_t(1) << width) - 1));
}

void PackedNumbers::unpack(uint32_t *to, size_t count) const {
    const uint64_t mask = (uint64_t(1) << width) - 1;
    const size_t size = size_t(end - group);
    size_t i = 0;
    /* Whole words as long as they lie within the page. */
    const size_t safe = size < 8 || width == 0 ? 0 : (size - 8) * 8 / width;
    const size_t quick = safe > taken ? std::min(count, safe - taken) : 0;
    for (size_t bit = taken * width; i < quick; i++, bit += width) {
        uint64_t word;
        std::memcpy(&word, group + bit / 8, 8);
        to[i] = uint32_t(word >> (bit % 8) & mask);
    }
    for (; i < count; i++) to[i] = packed_at(taken + i);
}

void PackedNumbers::read(uint32_t *to, size_t count) {
    while (count) {
        if (left == 0) next_run();
        const size_t now = std::min(left, count);
        if (packed) unpack(to, now);
        else
            for (size_t i = 0; i < now; i++) to[i] = repeated;
        taken += now;
        left -= now;
        to += now;
        count -= now;
    }
}

void PackedNumbers::skip(size_t count) {
    while (count) {
        if (left == 0) next_run();
        const size_t now = std::min(left, count);
        taken += now;
        left -= now;
        count -= now;
    }
}

} // namespace sql
