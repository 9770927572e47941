#include "arithmetic.h"
#include <cmath>

namespace sql {

wide power_of_ten(unsigned exponent) {
    wide power = 1;
    while (exponent--) power *= 10;
    return power;
}

double real_of(wide value, unsigned scale) { return double(value) / std::pow(10.0, scale); }

const uint8_t *both_valid(const Vector &a, const Vector &b, Arena &arena) {
    if (!a.valid || !b.valid) return a.valid ? a.valid : b.valid;
    uint8_t *valid = arena.take<uint8_t>(a.count);
    for (size_t i = 0; i < a.count; i++) valid[i] = a.valid[i] & b.valid[i];
    return valid;
}

[[noreturn]] static void overflow() { throw Failure("a number is too large for its type"); }

static bool multiply(int64_t a, int64_t b, int64_t *to) { return __builtin_mul_overflow(a, b, to); }

static bool multiply(wide a, wide b, wide *to) {
    /* By magnitudes: the compiler's own check needs a library function. */
    const bool negative = (a < 0) != (b < 0);
    const auto magnitude = [](wide v) { return v < 0 ? -(unsigned __int128)v : (unsigned __int128)v; };
    const unsigned __int128 x = magnitude(a), y = magnitude(b), limit = ((unsigned __int128)1 << 127) - 1;
    if (x != 0 && y > limit / x) return true;
    *to = negative ? -wide(x * y) : wide(x * y);
    return false;
}

template <class T> const T *numbers(const Vector &from, unsigned scale, Arena &arena) {
    const bool same = from.type.is_wide() == (sizeof(T) == sizeof(wide));
    const unsigned more = from.type.kind == Kind::decimal ? scale - from.type.scale : from.type.is_number() ? scale : 0;
    if (same && !from.codes && more == 0) return from.as<T>();
    T *to = arena.take<T>(from.count);
    const wide factor = power_of_ten(more);
    for (size_t i = 0; i < from.count; i++) {
        if (!from.is_valid(i)) {
            to[i] = 0;
            continue;
        }
        const wide value = from.number(i);
        if (sizeof(T) == sizeof(int64_t) && (value > INT64_MAX || value < INT64_MIN)) overflow();
        if (more == 0) to[i] = T(value);
        else if (multiply(T(value), T(factor), &to[i])) overflow();
    }
    return to;
}
template const int64_t *numbers<int64_t>(const Vector &, unsigned, Arena &);
template const wide *numbers<wide>(const Vector &, unsigned, Arena &);

const double *reals(const Vector &from, Arena &arena) {
    if (from.type.kind == Kind::real && !from.codes) return from.as<double>();
    double *to = arena.take<double>(from.count);
    const double divisor = from.type.kind == Kind::decimal ? std::pow(10.0, from.type.scale) : 1;
    for (size_t i = 0; i < from.count; i++) {
        if (from.type.kind == Kind::real) to[i] = from.at<double>(i);
        else if (from.type.is_wide()) to[i] = double(from.at<wide>(i)) / divisor;
        else to[i] = double(from.at<int64_t>(i)) / divisor;
    }
    return to;
}

template <class T>
static Vector whole_arithmetic(char operation, const Vector &a, const Vector &b, Type type, Arena &arena) {
    const unsigned scale = operation == '*' ? 0 : type.scale;
    const T *left = numbers<T>(a, operation == '*' ? a.type.scale : scale, arena);
    const T *right = numbers<T>(b, operation == '*' ? b.type.scale : scale, arena);
    const uint8_t *valid = both_valid(a, b, arena);
    T *to = arena.take<T>(a.count);
    uint8_t *now_valid = nullptr;
    bool too_large = false;
    if (operation == '%') {
        now_valid = arena.take<uint8_t>(a.count);
        for (size_t i = 0; i < a.count; i++) {
            now_valid[i] = right[i] != 0 && (!valid || valid[i]);
            to[i] = now_valid[i] && right[i] != -1 ? left[i] % right[i] : 0;
        }
        valid = now_valid;
    } else {
        for (size_t i = 0; i < a.count; i++) {
            T value = 0;
            const bool bad = operation == '*' ? multiply(left[i], right[i], &value)
                : operation == '+' ? __builtin_add_overflow(left[i], right[i], &value)
                                   : __builtin_sub_overflow(left[i], right[i], &value);
            too_large |= bad && (!valid || valid[i]);
            to[i] = value;
        }
    }
    if (too_large) overflow();
    Vector result;
    result.type = type;
    result.count = a.count;
    result.values = to;
    result.valid = valid;
    return result;
}

static Vector real_arithmetic(char operation, const Vector &a, const Vector &b, Arena &arena) {
    const double *left = reals(a, arena), *right = reals(b, arena);
    const uint8_t *valid = both_valid(a, b, arena);
    double *to = arena.take<double>(a.count);
    uint8_t *now_valid = operation == '/' || operation == '%' ? arena.take<uint8_t>(a.count) : nullptr;
    for (size_t i = 0; i < a.count; i++) {
        const double x = left[i], y = right[i];
        to[i] = operation == '+' ? x + y : operation == '-' ? x - y : operation == '*' ? x * y : operation == '/' ? x / y : std::fmod(x, y);
        if (now_valid) now_valid[i] = y != 0 && (!valid || valid[i]);
    }
    Vector result;
    result.type = {Kind::real, 19, 0};
    result.count = a.count;
    result.values = to;
    result.valid = now_valid ? now_valid : valid;
    return result;
}

Type arithmetic_type(const Node &node, char operation, Type left, Type right) {
    const auto is_number = [](Type type) { return type.is_number() || type.kind == Kind::real; };
    if (left.kind == Kind::date && right.kind == Kind::integer && (operation == '+' || operation == '-')) return left;
    if (left.kind == Kind::date && right.kind == Kind::date && operation == '-') return {Kind::integer, 19, 0};
    if (!is_number(left) || !is_number(right))
        node.fail("'" + std::string(1, operation) + "' does not take " + name_of(left) + " and " + name_of(right));
    if (operation == '/' || left.kind == Kind::real || right.kind == Kind::real) return {Kind::real, 19, 0};
    if (left.kind == Kind::integer && right.kind == Kind::integer)
        return {Kind::integer, uint8_t(left.is_wide() || right.is_wide() ? 39 : 19), 0};
    const unsigned scale = operation == '*' ? left.scale + right.scale : std::max(left.scale, right.scale);
    const unsigned whole = std::max(left.digits - left.scale, right.digits - right.scale);
    const unsigned digits = operation == '*' ? left.digits + right.digits : whole + scale + 1;
    if (scale > 38) node.fail("the product has more than 38 digits behind the point");
    return {Kind::decimal, uint8_t(std::min(38u, digits)), uint8_t(scale)};
}

Expression::Evaluate arithmetic(char operation, Type left, Type right, Type result) {
    (void)left, (void)right;
    return [=](const std::vector<Vector> &in, size_t, Arena &arena) {
        if (result.kind == Kind::real) return real_arithmetic(operation, in[0], in[1], arena);
        if (result.is_wide()) return whole_arithmetic<wide>(operation, in[0], in[1], result, arena);
        return whole_arithmetic<int64_t>(operation, in[0], in[1], result, arena);
    };
}

template <class T, class Get>
static void compare(const std::string &operation, size_t count, Get get, uint8_t *to) {
    const auto each = [&](auto test) {
        for (size_t i = 0; i < count; i++) to[i] = test(get(0, i), get(1, i));
    };
    if (operation == "=") each([](const T &a, const T &b) { return a == b; });
    else if (operation == "<>") each([](const T &a, const T &b) { return a != b; });
    else if (operation == "<") each([](const T &a, const T &b) { return a < b; });
    else if (operation == "<=") each([](const T &a, const T &b) { return a <= b; });
    else if (operation == ">") each([](const T &a, const T &b) { return a > b; });
    else each([](const T &a, const T &b) { return a >= b; });
}

template <class T> static void compare_arrays(const std::string &operation, size_t count, const T *a, const T *b, uint8_t *to) {
    compare<T>(operation, count, [=](int side, size_t i) { return side ? b[i] : a[i]; }, to);
}

Expression::Evaluate comparison(const std::string &operation, Type left, Type right) {
    const unsigned scale = std::max(left.kind == Kind::decimal ? left.scale : 0, right.kind == Kind::decimal ? right.scale : 0);
    const auto needs = [=](Type type) { return type.digits + (scale - (type.kind == Kind::decimal ? type.scale : 0)); };
    const bool is_real = left.kind == Kind::real || right.kind == Kind::real;
    const bool is_wide = left.is_wide() || right.is_wide() || (scale && std::max(needs(left), needs(right)) > 18);
    return [=](const std::vector<Vector> &in, size_t count, Arena &arena) {
        const Vector &a = in[0], &b = in[1];
        uint8_t *to = arena.take<uint8_t>(count);
        if (left.kind == Kind::text) compare<Text>(operation, count, [&](int side, size_t i) { return in[side].at<Text>(i); }, to);
        else if (left.kind == Kind::boolean) compare<uint8_t>(operation, count, [&](int side, size_t i) { return in[side].at<uint8_t>(i); }, to);
        else if (is_real) compare_arrays(operation, count, reals(a, arena), reals(b, arena), to);
        else if (is_wide) compare_arrays(operation, count, numbers<wide>(a, scale, arena), numbers<wide>(b, scale, arena), to);
        else compare_arrays(operation, count, numbers<int64_t>(a, scale, arena), numbers<int64_t>(b, scale, arena), to);
        Vector result;
        result.type = {Kind::boolean, 1, 0};
        result.count = count;
        result.values = to;
        result.valid = both_valid(a, b, arena);
        return result;
    };
}

/* The proleptic Gregorian calendar, in eras of 400 years that begin on 1 March. */
Day day_of(int64_t days) {
    days += 719468;
    const int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    const int64_t calendar_month = month < 10 ? month + 3 : month - 9;
    return {year + era * 400 + (calendar_month <= 2), calendar_month, of_year - (153 * month + 2) / 5 + 1};
}

} // namespace sql
