#include "arithmetic.h"
#include "parquet.h"
#include "values.h"
#include <algorithm>

namespace sql {

static Vector make(Type type, size_t count, const void *values, const uint8_t *valid = nullptr) {
    Vector result;
    result.type = type;
    result.count = count;
    result.values = values;
    result.valid = valid;
    return result;
}

/* An expression in a form that people read. */
static std::string shown(const Node &node) {
    if (node.form == Node::text) return "'" + node.word_or_text + "'";
    if (node.form != Node::list) return node.word_or_text;
    const std::string &head = node.head();
    if (head == "column") return node.at(1).word_or_text;
    if (head == "real") return node.at(1).word_or_text;
    if (head == "decimal") return decimal_text(std::atoll(node.at(1).word_or_text.c_str()), unsigned(node.number_at(2)));
    if (head.size() == 1 && node.items.size() == 3) {
        const auto part = [](const Node &of) { return of.form == Node::list && of.head().size() == 1 ? "(" + shown(of) + ")" : shown(of); };
        return part(node.at(1)) + " " + head + " " + part(node.at(2));
    }
    if (head == "cast") return "cast of " + shown(node.at(2)) + " to " + name_of(parse_type(node.at(1)));
    return head + "(...)";
}

/* The same, with a failure that says in which expression it happened. */
static Expression::Evaluate telling(const Node &node, Expression::Evaluate evaluate) {
    return [=, text = shown(node)](const std::vector<Vector> &in, size_t count, Arena &arena) {
        try {
            return evaluate(in, count, arena);
        } catch (const Failure &failure) {
            throw Failure(failure.what() + (": " + text));
        }
    };
}

/* Turns nodes into expressions. */
struct Binder {
    const Schema &schema;

    Expression operation(const Node &node, std::vector<Expression> operands, Type type, Expression::Evaluate apply) {
        (void)node;
        Expression result;
        result.result = type;
        for (const Expression &operand : operands)
            for (const size_t column : operand.columns)
                if (std::find(result.columns.begin(), result.columns.end(), column) == result.columns.end()) result.columns.push_back(column);
        result.operands = std::move(operands);
        result.apply = std::move(apply);
        return result;
    }

    /* The value in every row. */
    template <class T> Expression constant(const Node &node, Type type, T value, bool is_null = false) {
        auto kept = std::make_shared<T>(value);
        return operation(node, {}, type, [=](const std::vector<Vector> &, size_t count, Arena &arena) {
            T *values = arena.take<T>(count);
            for (size_t i = 0; i < count; i++) values[i] = *kept;
            uint8_t *valid = is_null ? static_cast<uint8_t *>(std::memset(arena.take<uint8_t>(count), 0, count)) : nullptr;
            return make(type, count, values, valid);
        });
    }

    Expression whole(const Node &node, const Node &number, unsigned scale) {
        const std::string &text = number.word_or_text;
        const bool negative = text[0] == '-';
        wide value = 0;
        size_t digits = 0;
        for (size_t i = negative; i < text.size(); i++, digits++) {
            if (text[i] < '0' || text[i] > '9' || digits == 38) number.fail("'" + text + "' is no whole number of up to 38 digits");
            value = value * 10 + (text[i] - '0');
        }
        if (negative) value = -value;
        digits = std::max<size_t>(digits, scale);
        const bool is_integer = node.form == Node::number;
        const bool fits = value >= INT64_MIN && value <= INT64_MAX;
        const Type type = is_integer ? Type{Kind::integer, uint8_t(fits ? std::min<size_t>(digits, 19) : 39), 0} : Type{Kind::decimal, uint8_t(digits), uint8_t(scale)};
        return type.is_wide() ? constant<wide>(node, type, value) : constant<int64_t>(node, type, int64_t(value));
    }

    std::vector<Expression> operands(const Node &node, size_t count, size_t from = 1) {
        if (node.items.size() != from + count) node.fail("'" + node.head() + "' takes " + std::to_string(count) + " operands");
        std::vector<Expression> result;
        for (size_t i = from; i < node.items.size(); i++) result.push_back(bind(node.items[i]));
        return result;
    }

    static void expect(const Node &node, const Expression &operand, Kind kind) {
        if (operand.result.kind != kind) node.fail("'" + node.head() + "' does not take " + name_of(operand.result));
    }

    Expression compare(const Node &node) {
        std::vector<Expression> in = operands(node, 2);
        const Type left = in[0].result, right = in[1].result;
        if (!comparable(left, right)) node.fail("'" + node.head() + "' does not compare " + name_of(left) + " and " + name_of(right));
        return operation(node, std::move(in), boolean_type, comparison(node.head(), left, right));
    }

    Expression connect(const Node &node, bool is_and) {
        if (node.items.size() < 3) node.fail("'" + node.head() + "' takes two operands or more");
        std::vector<Expression> in = operands(node, node.items.size() - 1);
        for (const Expression &operand : in) expect(node, operand, Kind::boolean);
        return operation(node, std::move(in), boolean_type, [is_and](const std::vector<Vector> &in, size_t count, Arena &arena) {
            /* Decided by an operand that is false (and), true (or); else NULL when one is NULL. */
            uint8_t *to = arena.take<uint8_t>(count), *valid = arena.take<uint8_t>(count);
            std::memset(to, is_and, count);
            std::memset(valid, 1, count);
            bool nulls = false;
            for (const Vector &operand : in) nulls |= operand.valid != nullptr;
            for (const Vector &operand : in)
                for (size_t i = 0; i < count; i++) {
                    const bool known = operand.is_valid(i), value = operand.at<uint8_t>(i);
                    if (!nulls) to[i] = is_and ? to[i] & value : to[i] | value;
                    else if (known && value != is_and) to[i] = !is_and, valid[i] = 1;
                    else if (!known && to[i] == is_and) valid[i] = 0;
                }
            return make(boolean_type, count, to, nulls ? valid : nullptr);
        });
    }

    Expression negate(const Node &node) {
        std::vector<Expression> in = operands(node, 1);
        expect(node, in[0], Kind::boolean);
        return operation(node, std::move(in), boolean_type, [](const std::vector<Vector> &in, size_t count, Arena &arena) {
            uint8_t *to = arena.take<uint8_t>(count);
            for (size_t i = 0; i < count; i++) to[i] = !in[0].at<uint8_t>(i);
            return make(boolean_type, count, to, in[0].valid);
        });
    }

    Expression is_null(const Node &node) {
        return operation(node, operands(node, 1), boolean_type, [](const std::vector<Vector> &in, size_t count, Arena &arena) {
            uint8_t *to = arena.take<uint8_t>(count);
            for (size_t i = 0; i < count; i++) to[i] = !in[0].is_valid(i);
            return make(boolean_type, count, to);
        });
    }

    Expression like_pattern(const Node &node) {
        std::vector<Expression> in = operands(node, 1, 2);
        expect(node, in[0], Kind::text);
        if (node.at(1).form != Node::text) node.fail("the pattern is a text");
        const std::string pattern = node.at(1).word_or_text;
        return operation(node, std::move(in), boolean_type, [pattern](const std::vector<Vector> &in, size_t count, Arena &arena) {
            uint8_t *to = arena.take<uint8_t>(count);
            for (size_t i = 0; i < count; i++) to[i] = in[0].is_valid(i) && like(in[0].at<Text>(i), pattern);
            return make(boolean_type, count, to, in[0].valid);
        });
    }

    Expression part_of_date(const Node &node, int64_t Day::*part) {
        std::vector<Expression> in = operands(node, 1);
        expect(node, in[0], Kind::date);
        return operation(node, std::move(in), integer_type, [part](const std::vector<Vector> &in, size_t count, Arena &arena) {
            int64_t *to = arena.take<int64_t>(count);
            for (size_t i = 0; i < count; i++) to[i] = day_of(in[0].at<int64_t>(i)).*part;
            return make(integer_type, count, to, in[0].valid);
        });
    }

    Expression part_of_text(const Node &node) {
        const int64_t start = node.number_at(1), length = node.number_at(2);
        std::vector<Expression> in = operands(node, 1, 3);
        expect(node, in[0], Kind::text);
        return operation(node, std::move(in), text_type, [=](const std::vector<Vector> &in, size_t count, Arena &arena) {
            Text *to = arena.take<Text>(count);
            for (size_t i = 0; i < count; i++) to[i] = in[0].is_valid(i) ? substring(in[0].at<Text>(i), start, length) : Text();
            return make(text_type, count, to, in[0].valid);
        });
    }

    Expression cast(const Node &node, Expression from, Type to) {
        const Type type = from.result;
        if (type == to) return from;
        std::vector<Expression> in;
        in.push_back(std::move(from));
        const bool number = type.is_number() || type.kind == Kind::real;
        if (to.kind == Kind::real && number)
            return operation(node, std::move(in), to, [](const std::vector<Vector> &in, size_t count, Arena &arena) {
                return make(real_type, count, reals(in[0], arena), in[0].valid);
            });
        if (!to.is_number() || !number) node.fail("there is no cast from " + name_of(type) + " to " + name_of(to));
        return operation(node, std::move(in), to, telling(node, [=](const std::vector<Vector> &in, size_t count, Arena &arena) {
            char *bytes = arena.take<char>(count * to.width());
            for (size_t i = 0; i < count; i++) {
                const wide value = in[0].is_valid(i) ? rescaled(in[0], i, to) : 0;
                if (to.is_wide()) reinterpret_cast<wide *>(bytes)[i] = value;
                else reinterpret_cast<int64_t *>(bytes)[i] = int64_t(value);
            }
            return make(to, count, bytes, in[0].valid);
        }));
    }

    /* (case CONDITION VALUE ... ELSE) */
    Expression choose(const Node &node) {
        if (node.items.size() < 4 || node.items.size() % 2) node.fail("a case has conditions with values, and another value");
        std::vector<Expression> conditions, values;
        for (size_t i = 1; i < node.items.size(); i++) {
            const bool is_value = i % 2 == 0 || i + 1 == node.items.size();
            (is_value ? values : conditions).push_back(bind(node.items[i]));
            if (!is_value) expect(node, conditions.back(), Kind::boolean);
        }
        /* A NULL takes the others' type. */
        const auto is_null = [](const Node &of) { return of.form == Node::word && of.word_or_text == "null"; };
        Type type{};
        bool found = false;
        for (size_t i = 0; i < values.size(); i++) {
            if (is_null(node.items[i + 1 == values.size() ? node.items.size() - 1 : 2 * i + 2])) continue;
            type = found ? common_type(node, type, values[i].result) : values[i].result;
            found = true;
        }
        const size_t branches = conditions.size();
        for (size_t i = 0; i < values.size(); i++) {
            const bool null = is_null(node.items[i + 1 == values.size() ? node.items.size() - 1 : 2 * i + 2]);
            conditions.push_back(null ? null_of(node, type) : cast(node, std::move(values[i]), type));
        }
        return operation(node, std::move(conditions), type, [=](const std::vector<Vector> &in, size_t count, Arena &arena) {
            const size_t width = type.width();
            char *to = arena.take<char>(count * width);
            uint8_t *valid = arena.take<uint8_t>(count);
            bool nulls = false;
            for (size_t i = 0; i < count; i++) {
                size_t branch = 0;
                while (branch < branches && !(in[branch].is_valid(i) && in[branch].at<uint8_t>(i))) branch++;
                const Vector &from = in[branches + branch];
                nulls |= !(valid[i] = from.is_valid(i));
                std::memcpy(to + i * width, static_cast<const char *>(from.values) + (from.codes ? from.codes[i] : i) * width, width);
            }
            return make(type, count, to, nulls ? valid : nullptr);
        });
    }

    Expression null_of(const Node &node, Type type) {
        if (type.width() == 1) return constant<uint8_t>(node, type, 0, true);
        if (type.kind == Kind::text) return constant<Text>(node, type, Text(), true);
        return type.is_wide() ? constant<wide>(node, type, 0, true) : constant<int64_t>(node, type, 0, true);
    }

    Expression bind(const Node &node) {
        if (node.form == Node::number) return whole(node, node, 0);
        if (node.form == Node::text) {
            auto kept = std::make_shared<std::string>(node.word_or_text);
            return operation(node, {}, text_type, [kept](const std::vector<Vector> &, size_t count, Arena &arena) {
                Text *values = arena.take<Text>(count);
                for (size_t i = 0; i < count; i++) values[i] = *kept;
                return make(text_type, count, values);
            });
        }
        if (node.form == Node::word) {
            if (node.word_or_text == "null") return null_of(node, integer_type);
            if (node.word_or_text == "true" || node.word_or_text == "false")
                return constant<uint8_t>(node, boolean_type, node.word_or_text == "true");
            Expression result;
            const size_t place = column_place(schema, node);
            result.result = schema[place].type;
            result.columns = {place};
            return result;
        }
        return bind_list(node);
    }

    Expression bind_list(const Node &node) {
        const std::string &head = node.head();
        if (head == "column") {
            Expression result;
            const size_t place = column_place(schema, node.at(1));
            result.result = schema[place].type;
            result.columns = {place};
            return result;
        }
        if (head.size() == 1 && std::strchr("+-*/%", head[0])) {
            std::vector<Expression> in = operands(node, 2);
            const Type left = in[0].result, right = in[1].result, type = arithmetic_type(node, head[0], left, right);
            return operation(node, std::move(in), type, telling(node, arithmetic(head[0], left, right, type)));
        }
        if (head == "=" || head == "<>" || head == "<" || head == "<=" || head == ">" || head == ">=") return compare(node);
        if (head == "and" || head == "or") return connect(node, head == "and");
        if (head == "not") return negate(node);
        if (head == "isnull") return is_null(node);
        if (head == "like") return like_pattern(node);
        if (head == "case") return choose(node);
        if (head == "year") return part_of_date(node, &Day::year);
        if (head == "month") return part_of_date(node, &Day::month);
        if (head == "day") return part_of_date(node, &Day::day);
        if (head == "substring") return part_of_text(node);
        if (head == "decimal") return whole(node, node.at(1), unsigned(node.number_at(2)));
        if (head == "date") return constant<int64_t>(node, date_type, node.number_at(1));
        if (head == "real") return constant<double>(node, real_type, std::strtod(node.at(1).word_or_text.c_str(), nullptr));
        if (head == "cast") {
            std::vector<Expression> in = operands(node, 1, 2);
            return cast(node, std::move(in[0]), parse_type(node.at(1)));
        }
        node.fail("no operator is called '" + head + "'");
    }
};

Expression Expression::bind(const Node &node, const Schema &schema) { return Binder{schema}.bind(node); }

} // namespace sql
