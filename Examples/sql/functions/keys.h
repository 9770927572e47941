/* Small numbers for values, and for combinations of values: what groups and joins look up. */
#ifndef SQL_KEYS_H
#define SQL_KEYS_H

#include "vector.h"
#include <unordered_map>

namespace sql {

constexpr uint32_t unknown = UINT32_MAX;

/* Numbers for pairs of a 32-bit and a 64-bit number, from 0 on. */
class PairMap {
public:
    PairMap() : slots(64) {}
    uint32_t find(uint32_t first, int64_t second) const;
    uint32_t insert(uint32_t first, int64_t second);
    size_t size() const { return count; }

private:
    struct Slot {
        int64_t second;
        uint32_t first, number = unknown;
    };
    std::vector<uint32_t> small; /* pairs of numbers below 256: 256 for each first number */
    std::vector<Slot> slots;     /* the others, open addressing */
    size_t filled = 0, count = 0;

    static bool is_small(uint32_t first, int64_t second) { return first < 256 && second >= 0 && second < 256; }
    Slot &slot(uint32_t first, int64_t second);
    void grow();
};

/* Numbers for the values of a column: 0 for NULL, then from 1 on. */
class ValueMap {
public:
    explicit ValueMap(Type type) : type(type) {}
    /* The numbers of the rows; those of unknown values are given, or `unknown` where they may not be added. */
    void numbers(const Vector &values, uint32_t *to, bool may_add);
    size_t size() const { return count; }
    /* The value of a number: a place in which `type` is stored. */
    const void *value(uint32_t number) const;

private:
    Type type;
    size_t count = 1;
    PairMap wholes;
    std::unordered_map<Text, uint32_t> texts;
    std::deque<std::string> owned;
    std::vector<int64_t> whole_values = {0};
    std::vector<wide> wide_values = {0};
    std::vector<Text> text_values = {Text()};
    uint64_t last = 0; /* the dictionary whose codes are these */
    std::vector<uint32_t> translated;

    uint32_t number(const Vector &values, size_t place, bool may_add);
};

} // namespace sql
#endif
