#include "values.h"
#include "arithmetic.h"
#include <cmath>

namespace sql {

bool like(Text text, Text pattern) {
    size_t at = 0, in = 0, star = Text::npos, resume = 0;
    while (at < text.size()) {
        if (in < pattern.size() && pattern[in] == '%') {
            star = in++;
            resume = at;
        } else if (in < pattern.size() && (pattern[in] == '_' || pattern[in] == text[at])) {
            /* '_' is a character, of one or more bytes. */
            const bool any = pattern[in++] == '_';
            at++;
            while (any && at < text.size() && (text[at] & 0xc0) == 0x80) at++;
        } else if (star != Text::npos) {
            in = star + 1;
            at = ++resume;
        } else {
            return false;
        }
    }
    while (in < pattern.size() && pattern[in] == '%') in++;
    return in == pattern.size();
}

Text substring(Text text, int64_t start, int64_t length) {
    size_t from = 0;
    const auto next = [&](size_t at) {
        at++;
        while (at < text.size() && (text[at] & 0xc0) == 0x80) at++;
        return at;
    };
    if (start < 1) {
        length += start - 1;
        start = 1;
    }
    while (--start > 0 && from < text.size()) from = next(from);
    size_t to = from;
    while (length-- > 0 && to < text.size()) to = next(to);
    return text.substr(from, to - from);
}

bool comparable(Type a, Type b) {
    const auto group = [](Type type) { return type.is_number() || type.kind == Kind::real ? Kind::integer : type.kind; };
    return group(a) == group(b);
}

Type common_type(const Node &node, Type a, Type b) {
    if (a == b) return a;
    if (a.kind == Kind::real && comparable(a, b)) return a;
    if (b.kind == Kind::real && comparable(a, b)) return b;
    if (!a.is_number() || !b.is_number()) node.fail("values of " + name_of(a) + " and " + name_of(b) + " do not go together");
    if (a.kind == Kind::integer && b.kind == Kind::integer) return a.digits > b.digits ? a : b;
    const unsigned scale = std::max(a.scale, b.scale), digits = std::max(a.digits - a.scale, b.digits - b.scale) + scale;
    return {Kind::decimal, uint8_t(std::min(38u, digits)), uint8_t(scale)};
}

wide rescaled(const Vector &from, size_t row, Type to) {
    wide value;
    if (from.type.kind == Kind::real) {
        const double real = std::round(from.at<double>(row) * std::pow(10.0, to.scale));
        if (!(std::fabs(real) < 1e38)) throw Failure("a number is too large for its type");
        value = wide(real);
    } else {
        value = from.number(row);
        const int more = int(to.scale) - int(from.type.kind == Kind::decimal ? from.type.scale : 0);
        const wide factor = power_of_ten(unsigned(std::abs(more)));
        if (more > 0 && (value > power_of_ten(38) / factor || value < -power_of_ten(38) / factor)) throw Failure("a number is too large for its type");
        if (more >= 0) value *= factor;
        else value = (value + (value < 0 ? -factor / 2 : factor / 2)) / factor;
    }
    const bool too_large = to.kind == Kind::integer ? !to.is_wide() && (value > INT64_MAX || value < INT64_MIN)
                                                   : value >= power_of_ten(to.digits) || value <= -power_of_ten(to.digits);
    if (too_large) throw Failure("a number is too large for its type");
    return value;
}

} // namespace sql
