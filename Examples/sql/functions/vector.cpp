#include "vector.h"

namespace sql {

std::string name_of(Type type) {
    switch (type.kind) {
    case Kind::boolean: return "boolean";
    case Kind::integer: return "integer";
    case Kind::decimal: return "decimal(" + std::to_string(type.digits) + "," + std::to_string(type.scale) + ")";
    case Kind::date: return "date";
    case Kind::real: return "double";
    case Kind::text: return "text";
    }
    return "unknown";
}

uint64_t new_dictionary() {
    static uint64_t last = 0;
    return ++last;
}

template <class T> static const void *pick(const Vector &from, const uint32_t *selected, size_t count, Arena &arena) {
    T *values = arena.take<T>(count);
    const T *source = from.as<T>();
    for (size_t i = 0; i < count; i++) values[i] = source[selected[i]];
    return values;
}

Vector gather(const Vector &from, const uint32_t *selected, size_t count, Arena &arena) {
    Vector to = from;
    to.count = count;
    if (from.codes) {
        uint32_t *codes = arena.take<uint32_t>(count);
        for (size_t i = 0; i < count; i++) codes[i] = from.codes[selected[i]];
        to.codes = codes;
    } else {
        switch (from.type.width()) {
        case 1: to.values = pick<uint8_t>(from, selected, count, arena); break;
        case 8: to.values = pick<int64_t>(from, selected, count, arena); break;
        default: to.values = from.type.kind == Kind::text ? pick<Text>(from, selected, count, arena)
                                                          : pick<wide>(from, selected, count, arena);
        }
    }
    if (from.valid) {
        uint8_t *valid = arena.take<uint8_t>(count);
        for (size_t i = 0; i < count; i++) valid[i] = from.valid[selected[i]];
        to.valid = valid;
    }
    return to;
}

void keep(Run &run, const uint32_t *selected, size_t count, Arena &arena) {
    for (Vector &column : run.columns) column = gather(column, selected, count, arena);
    if (run.origin) {
        uint32_t *origin = arena.take<uint32_t>(count);
        for (size_t i = 0; i < count; i++) origin[i] = run.origin[selected[i]];
        run.origin = origin;
    } else {
        run.origin = selected;
    }
    run.count = count;
}

std::string decimal_text(wide value, unsigned scale) {
    const bool negative = value < 0;
    unsigned __int128 rest = negative ? -(unsigned __int128)value : (unsigned __int128)value;
    std::string digits;
    do digits.insert(digits.begin(), char('0' + unsigned(rest % 10)));
    while (rest /= 10);
    if (scale) {
        if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
        digits.insert(digits.size() - scale, ".");
    }
    return negative ? "-" + digits : digits;
}

} // namespace sql
