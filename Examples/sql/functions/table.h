/* Tables as items of sets: how rows go from function to function. Little endian, each part padded to 16 bytes:
 *
 *   "dnbatch1", u32 columns, u32 0, u64 rows, u64 0
 *   each column: u8 kind, u8 digits, u8 scale, u8 1 if it has NULLs, u32 bytes of the name, u64 entries, u64 bytes of text; the name
 *   each column: with NULLs a byte for each row, 0 is NULL; then
 *     text: a u32 for each row, the place of its entry; a u32 for each entry and one more, where it begins; the entries' bytes
 *     others: values of 1 (boolean), 8, or 16 bytes (a decimal of more than 18 digits, an integer of more than 19) */
#ifndef SQL_TABLE_H
#define SQL_TABLE_H

#include "expression.h"
#include <unordered_map>

namespace sql {

/* A table in an item, which must outlive it. Items may come from anybody: throws Failure for one that is no table. */
class TableView {
public:
    explicit TableView(Text item);
    const Schema &schema() const { return columns; }
    size_t rows() const { return row_count; }
    const Vector &column(size_t place) const { return vectors[place]; }

private:
    Schema columns;
    size_t row_count = 0;
    std::vector<Vector> vectors;
    std::deque<std::vector<Text>> entries;
};

/* Rows that are kept. */
class Table {
public:
    explicit Table(Schema schema);
    const Schema &schema() const { return columns; }
    size_t rows() const { return row_count; }
    void append(const Run &run);
    void append(const TableView &view);
    /* Valid until the next append. */
    Vector column(size_t place) const;
    std::vector<char> serialize() const;

private:
    struct Stored {
        std::vector<char> values;
        std::vector<uint32_t> codes;
        std::vector<uint8_t> valid; /* empty: no NULLs */
        std::vector<Text> entries;
        std::deque<std::string> owned;
        std::unordered_map<Text, uint32_t> known;
        uint64_t last = 0;              /* dictionary, whose codes are these: */
        std::vector<uint32_t> translated; /* UINT32_MAX: not yet */
        uint64_t dictionary = 0;
    };
    Schema columns;
    size_t row_count = 0;
    std::vector<Stored> stored;

    void append(Stored &to, const Vector &from);
    static uint32_t entry(Stored &to, Text text);
};

} // namespace sql
#endif
