#include "operators.h"

namespace sql {

namespace {

/* sum, min, max or count of an operand, for each group. */
class Sum {
public:
    Sum(const Node &node, const Schema &before) : name(node.at(0).word_or_text), function(node.word_at(1)) {
        if (function != "sum" && function != "min" && function != "max" && function != "count")
            node.fail("no aggregate is called '" + function + "'");
        if (node.items.size() > 2) operand = std::make_unique<Expression>(Expression::bind(node.items[2], before));
        if (!operand && function != "count") node.fail("'" + function + "' has an operand");
        if (operand) type = operand->type();
        if (node.items.size() > 3) {
            if (node.word_at(3) != "distinct") node.at(3).fail("'distinct' or nothing is expected");
            seen = std::make_unique<Seen>(type);
        }
        if (function == "count") type = {Kind::integer, 19, 0};
        if (function != "sum") return;
        if (type.kind == Kind::integer) type.digits = 39;
        else if (type.kind == Kind::decimal) type.digits = 38;
        else if (type.kind != Kind::real) node.fail("there is no sum of " + name_of(type));
    }

    Column column() const { return {name, type}; }

    void resize(size_t groups) {
        counts.resize(groups);
        if (function == "sum" && type.kind != Kind::real) wholes.resize(groups);
        else if (function == "sum") reals.resize(groups);
        else if (function != "count") best.resize(groups);
    }

    void add(const Run &run, const uint32_t *groups, Arena &arena) {
        if (!operand) {
            for (size_t i = 0; i < run.count; i++) counts[groups[i]]++;
            return;
        }
        Vector values = operand->evaluate(run, arena);
        if (seen) values.valid = seen->first_ones(values, groups, arena);
        for (size_t i = 0; i < run.count; i++) counts[groups[i]] += values.is_valid(i);
        if (function == "sum") add_up(values, groups);
        else if (function != "count") choose(values, groups);
    }

    /* The values of all groups. */
    Vector result(Arena &arena) const {
        const size_t groups = counts.size();
        Vector vector;
        vector.type = type;
        vector.count = groups;
        if (function == "count") {
            vector.values = counts.data();
            return vector;
        }
        uint8_t *valid = arena.take<uint8_t>(groups);
        for (size_t i = 0; i < groups; i++) valid[i] = counts[i] != 0;
        vector.valid = valid;
        if (function == "sum") {
            vector.values = type.kind == Kind::real ? static_cast<const void *>(reals.data()) : wholes.data();
            return vector;
        }
        char *values = arena.take<char>(groups * type.width());
        for (size_t i = 0; i < groups; i++) {
            const Text text = best[i].text;
            if (type.kind == Kind::text) std::memcpy(values + i * sizeof(Text), &text, sizeof(Text));
            else std::memcpy(values + i * type.width(), &best[i].bits, type.width());
        }
        vector.values = values;
        return vector;
    }

private:
    struct Value {
        wide bits = 0;
        std::string text;
    };
    /* Which values each group had. */
    struct Seen {
        explicit Seen(Type type) : values(type) {}
        ValueMap values;
        PairMap pairs;

        /* 1 for rows whose value comes for the first time in its group. */
        const uint8_t *first_ones(const Vector &from, const uint32_t *groups, Arena &arena) {
            uint32_t *numbers = arena.take<uint32_t>(from.count);
            uint8_t *is_first = arena.take<uint8_t>(from.count);
            values.numbers(from, numbers, true);
            for (size_t i = 0; i < from.count; i++) {
                const size_t before = pairs.size();
                is_first[i] = numbers[i] != 0 && pairs.insert(groups[i], numbers[i]) == before;
            }
            return is_first;
        }
    };
    std::unique_ptr<Seen> seen; /* each value is taken once */
    std::string name, function;
    std::unique_ptr<Expression> operand;
    Type type;
    std::vector<int64_t> counts; /* of values that are not NULL */
    std::vector<wide> wholes;
    std::vector<double> reals;
    std::vector<Value> best;

    void add_up(const Vector &values, const uint32_t *groups) {
        if (type.kind == Kind::real) {
            for (size_t i = 0; i < values.count; i++)
                if (values.is_valid(i)) reals[groups[i]] += values.at<double>(i);
        } else if (!values.type.is_wide()) { /* 2^63 rows would be needed for an overflow */
            for (size_t i = 0; i < values.count; i++)
                if (values.is_valid(i)) wholes[groups[i]] += values.at<int64_t>(i);
        } else {
            for (size_t i = 0; i < values.count; i++)
                if (values.is_valid(i) && __builtin_add_overflow(wholes[groups[i]], values.at<wide>(i), &wholes[groups[i]]))
                    throw Failure("the sum '" + name + "' is too large");
        }
    }

    template <class T> bool is_better(const T &value, const T &than) const { return function == "min" ? value < than : than < value; }

    template <class T> void choose_whole(const Vector &values, const uint32_t *groups) {
        for (size_t i = 0; i < values.count; i++) {
            if (!values.is_valid(i)) continue;
            Value &now = best[groups[i]];
            T before;
            std::memcpy(&before, &now.bits, sizeof before);
            const T value = values.at<T>(i);
            if (now.text.empty() || is_better(value, before)) std::memcpy(&now.bits, &value, sizeof value);
            now.text = "+"; /* there is a value */
        }
    }

    void choose(const Vector &values, const uint32_t *groups) {
        if (type.kind == Kind::real) return choose_whole<double>(values, groups);
        if (type.kind == Kind::boolean) return choose_whole<uint8_t>(values, groups);
        if (type.is_wide()) return choose_whole<wide>(values, groups);
        if (type.kind != Kind::text) return choose_whole<int64_t>(values, groups);
        for (size_t i = 0; i < values.count; i++) {
            if (!values.is_valid(i)) continue;
            Value &now = best[groups[i]];
            const Text value = values.at<Text>(i);
            if (now.bits == 0 || is_better(value, Text(now.text))) now.text = value;
            now.bits = 1;
        }
    }
};

class Aggregate : public Operator {
public:
    Aggregate(const Node &node, const Schema &before) {
        for (const Node &key : node.at(1).items) {
            keys.push_back(Expression::bind(key.at(1), before));
            values.emplace_back(keys.back().type());
            schema.push_back({key.at(0).word_or_text, keys.back().type()});
        }
        for (const Node &sum : node.at(2).items) {
            sums.emplace_back(sum, before);
            schema.push_back(sums.back().column());
        }
        pairs.resize(keys.size());
        /* Without keys all rows are one group, which is there without rows, too. */
        if (keys.empty()) resize(1);
    }

    void push(Run run, Arena &arena) override {
        uint32_t *numbers = arena.take<uint32_t>(run.count), *of_value = arena.take<uint32_t>(run.count);
        std::fill(numbers, numbers + run.count, 0);
        for (size_t k = 0; k < keys.size(); k++) {
            values[k].numbers(keys[k].evaluate(run, arena), of_value, true);
            for (size_t i = 0; i < run.count; i++) {
                const size_t known = pairs[k].map.size();
                const uint32_t number = pairs[k].map.insert(numbers[i], of_value[i]);
                if (number == known) pairs[k].parts.push_back({numbers[i], of_value[i]});
                numbers[i] = number;
            }
        }
        if (!keys.empty()) resize(pairs.back().parts.size());
        for (Sum &sum : sums) sum.add(run, numbers, arena);
    }

    void finish(Arena &arena) override {
        const size_t groups = keys.empty() ? 1 : pairs.back().parts.size();
        Arena kept;
        std::vector<Vector> columns(keys.size());
        for (size_t k = 0; k < keys.size(); k++) columns[k] = key(k, groups, kept);
        for (const Sum &sum : sums) columns.push_back(sum.result(kept));
        push_in_runs(columns, groups, *next, arena);
        next->finish(arena);
    }

private:
    /* Groups by the first k + 1 keys: of which group by k keys, and of which value. */
    struct Level {
        PairMap map;
        std::vector<std::pair<uint32_t, uint32_t>> parts;
    };
    std::vector<Expression> keys;
    std::deque<ValueMap> values;
    std::vector<Level> pairs;
    std::deque<Sum> sums;

    void resize(size_t groups) {
        for (Sum &sum : sums) sum.resize(groups);
    }

    Vector key(size_t k, size_t groups, Arena &arena) const {
        const Type type = keys[k].type();
        char *to = arena.take<char>(groups * type.width());
        uint8_t *valid = arena.take<uint8_t>(groups);
        bool nulls = false;
        for (size_t group = 0; group < groups; group++) {
            uint32_t at = uint32_t(group);
            for (size_t level = keys.size() - 1; level > k; level--) at = pairs[level].parts[at].first;
            const uint32_t number = pairs[k].parts[at].second;
            std::memcpy(to + group * type.width(), values[k].value(number), type.width());
            nulls |= !(valid[group] = number != 0);
        }
        Vector vector;
        vector.type = type;
        vector.count = groups;
        vector.values = to;
        vector.valid = nulls ? valid : nullptr;
        return vector;
    }
};

} // namespace

std::unique_ptr<Operator> make_aggregate(const Node &node, const Schema &schema) { return std::make_unique<Aggregate>(node, schema); }

} // namespace sql
