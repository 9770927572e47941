/* Values of a column, a run of rows at a time. */
#ifndef SQL_VECTOR_H
#define SQL_VECTOR_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sql {

using wide = __int128;
using Text = std::string_view;

/* What the caller of the function is told. */
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class Kind : uint8_t { boolean = 1, integer, decimal, date, real, text };

/* Of integers and decimals `digits` bounds the decimal digits of any value: up to 19 they have 64 bits, above 128. Dates are days since
 * 1970-01-01. */
struct Type {
    Kind kind = Kind::integer;
    uint8_t digits = 19, scale = 0;

    bool is_number() const { return kind == Kind::integer || kind == Kind::decimal; }
    bool is_wide() const { return is_number() && digits > (kind == Kind::integer ? 19 : 18); }
    size_t width() const {
        if (kind == Kind::boolean) return 1;
        if (kind == Kind::text) return sizeof(Text);
        return is_wide() ? sizeof(wide) : 8;
    }
    bool operator==(const Type &) const = default;
};

std::string name_of(Type type);

/* The values of rows, which somebody else owns: values[row], or values[codes[row]] where there are codes. A dictionary's number stays the
 * same for the same values, so that what was found out about them holds in the next run of rows. */
struct Vector {
    Type type;
    size_t count = 0;
    const void *values = nullptr;
    const uint32_t *codes = nullptr;
    size_t entries = 0;      /* of the dictionary */
    uint64_t dictionary = 0; /* its number, never 0 */
    const uint8_t *valid = nullptr; /* by row: 0 is NULL; null pointer: no NULLs */

    template <class T> const T *as() const { return static_cast<const T *>(values); }
    template <class T> const T &at(size_t row) const { return as<T>()[codes ? codes[row] : row]; }
    bool is_valid(size_t row) const { return !valid || valid[row]; }
    /* A number of either width. */
    wide number(size_t row) const { return type.is_wide() ? at<wide>(row) : wide(at<int64_t>(row)); }
};

uint64_t new_dictionary();

/* Memory for one run of rows, used again for the next. */
class Arena {
public:
    template <class T> T *take(size_t count) { return static_cast<T *>(bytes(count * sizeof(T))); }
    void reset() {
        chunk = 0;
        used = 0;
    }

private:
    static constexpr size_t chunk_size = 1 << 20;
    std::deque<std::unique_ptr<char[]>> chunks;
    std::vector<size_t> sizes;
    size_t chunk = 0, used = 0;

    void *bytes(size_t size) {
        size = (size + 63) & ~size_t(63);
        while (chunk < chunks.size() && used + size > sizes[chunk]) {
            chunk++;
            used = 0;
        }
        if (chunk == chunks.size()) {
            const size_t length = size > chunk_size ? size : chunk_size;
            chunks.push_back(std::unique_ptr<char[]>(new char[length + 64]));
            sizes.push_back(length);
            used = 0;
        }
        char *start = chunks[chunk].get();
        start += (64 - reinterpret_cast<uintptr_t>(start) % 64) % 64;
        void *result = start + used;
        used += size;
        return result;
    }
};

/* The rows that `selected` names, in that order. */
Vector gather(const Vector &from, const uint32_t *selected, size_t count, Arena &arena);

/* Columns of the same number of rows. */
struct Run {
    size_t count = 0;
    std::vector<Vector> columns;
    const uint32_t *origin = nullptr; /* which rows of the source's run these are; null: all of them */
};

/* Keeps the rows that `selected` names, which lies in the arena. */
void keep(Run &run, const uint32_t *selected, size_t count, Arena &arena);

std::string decimal_text(wide value, unsigned scale);

} // namespace sql
#endif
