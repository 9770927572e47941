/* Column chunks of Parquet files: a column of a row group, page by page. */
#ifndef SQL_PARQUET_H
#define SQL_PARQUET_H

#include "bytes.h"
#include "plan.h"

namespace sql {

enum class Physical { boolean, int32, int64, real32, real64, bytes, fixed };

/* What the file's footer says about a column. */
struct ColumnSpec {
    std::string name;
    Type type;
    Physical physical;
    size_t length = 0; /* of a fixed one, bytes */
    bool is_snappy = false, is_nullable = false;

    /* (column NAME (PHYSICAL [LENGTH]) TYPE CODEC NULLABLE) */
    explicit ColumnSpec(const Node &node);
};

/* (integer DIGITS), (decimal DIGITS SCALE), (date), ... */
Type parse_type(const Node &node);

class ChunkReader {
public:
    ChunkReader(const ColumnSpec &spec, Text bytes);
    size_t rows() const { return row_count; }
    /* Rows that can be read or skipped at once: 0 at the end. */
    size_t run() const { return page < pages.size() ? pages[page].rows - row : 0; }
    /* The next rows, at most run(); valid until the next call. */
    Vector read(size_t count, Arena &arena);
    void skip(size_t count);

private:
    struct Page {
        size_t rows = 0, length = 0;  /* uncompressed */
        size_t level_bytes = 0;       /* in front of the values, never compressed (version 2) */
        int encoding = 0;
        bool is_dictionary = false, is_second_version = false, is_compressed = false;
        Text bytes;
    };

    ColumnSpec spec;
    std::vector<Page> pages;
    size_t row_count = 0;
    size_t page = 0, row = 0, skipped = 0; /* skipped: rows of this page that the decoders have still to pass */
    bool loaded = false;
    std::vector<char> buffer;
    std::vector<uint8_t> levels; /* of the page: 1 where there is a value; empty: everywhere */
    Text values;                 /* of the page, from the next one on */
    PackedNumbers codes;
    bool is_coded = false;
    size_t bit = 0; /* of plain booleans */
    std::vector<char> entries_buffer, entries_page;
    size_t entries = 0;
    uint64_t dictionary = 0;

    Page parse_header(const uint8_t *&at, const uint8_t *end) const;
    Text decompress(const Page &page, std::vector<char> &to) const;
    void load_dictionary(const Page &page);
    void load_page();
    Text load_levels(const Page &page, Text bytes);
    size_t present(size_t from, size_t count) const;
    void pass(size_t count);
    /* Takes `count` plain values off `values`. */
    void plain(void *to, size_t count);
    void spread(void *values, size_t present, const uint8_t *valid, size_t count) const;
    [[noreturn]] void fail(const std::string &what) const { throw Failure("column " + spec.name + ": " + what); }
};

} // namespace sql
#endif
