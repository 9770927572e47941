/* What column chunks are made of: compressed blocks, and packed numbers. */
#ifndef SQL_BYTES_H
#define SQL_BYTES_H

#include "vector.h"

namespace sql {

/* Decompresses a block in Snappy's raw format into exactly `length` bytes; throws Failure. */
void snappy_decompress(Text block, char *to, size_t length);

/* Numbers below 2^width as runs and bit-packed groups (Parquet's RLE/bit-packing hybrid). */
class PackedNumbers {
public:
    PackedNumbers() = default;
    PackedNumbers(Text bytes, unsigned width);
    void read(uint32_t *to, size_t count);
    void skip(size_t count);

private:
    const uint8_t *at = nullptr, *end = nullptr;
    unsigned width = 0;
    size_t left = 0; /* of the run */
    bool packed = false;
    uint32_t repeated = 0;
    const uint8_t *group = nullptr; /* where the packed run begins */
    size_t taken = 0;               /* of its numbers */

    void next_run();
    uint32_t packed_at(size_t index) const;
    void unpack(uint32_t *to, size_t count) const;
};

/* A variable-length number of 7 bits a byte, at most `limit`; moves `at`. */
uint64_t read_varint(const uint8_t *&at, const uint8_t *end);

} // namespace sql
#endif
