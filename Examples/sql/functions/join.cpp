#include "operators.h"

namespace sql {

namespace {

/* Numbers for the keys of rows, one for each combination of values. */
class KeyMap {
public:
    explicit KeyMap(const std::vector<Type> &types) {
        for (const Type type : types) values.emplace_back(type);
    }
    /* `unknown` for rows with a NULL, and for those that are not there when none may be added. */
    void numbers(const std::vector<Vector> &keys, size_t count, uint32_t *to, bool may_add) {
        std::vector<uint32_t> of_value(count);
        std::fill(to, to + count, 0);
        for (size_t k = 0; k < keys.size(); k++) {
            values[k].numbers(keys[k], of_value.data(), may_add);
            for (size_t i = 0; i < count; i++) {
                if (to[i] == unknown) continue;
                if (of_value[i] == 0 || of_value[i] == unknown) to[i] = unknown;
                else if (keys.size() == 1) to[i] = of_value[i] - 1;
                else to[i] = may_add ? pairs.insert(to[i], of_value[i] + (uint64_t(k) << 32)) : pairs.find(to[i], of_value[i] + (uint64_t(k) << 32));
            }
        }
    }

private:
    std::deque<ValueMap> values;
    PairMap pairs;
};

class Join : public Operator {
public:
    Join(const Node &node, const Schema &before, const Inputs &inputs) {
        const std::string &word = node.word_at(2);
        kind = word == "inner" ? inner : word == "left" ? left : word == "semi" ? semi : word == "anti" ? anti : none;
        if (kind == none) node.at(2).fail("a join is inner, left, semi or anti");
        for (const Inputs::Item &item : inputs.items(node.word_at(1))) views.emplace_back(item.data);
        if (views.empty()) node.fail("set " + node.at(1).word_or_text + " is empty");
        load();
        bind_keys(node, before);
        index();
        schema = before;
        if (kind == semi || kind == anti) return;
        for (const Node &name : node.at(5).items) {
            payload.push_back(column_place(views[0].schema(), name));
            schema.push_back(views[0].schema()[payload.back()]);
        }
        /* What a dictionary knows holds for all runs: a column of the table is a dictionary of its rows. */
        for (const size_t place : payload) dictionaries.push_back(columns[place].codes ? columns[place].dictionary : new_dictionary());
    }

    void push(Run run, Arena &arena) override {
        uint32_t *numbers = arena.take<uint32_t>(run.count);
        match(run, numbers, arena);
        if (kind == semi || kind == anti) {
            uint32_t *selected = arena.take<uint32_t>(run.count);
            size_t count = 0;
            for (size_t i = 0; i < run.count; i++) {
                selected[count] = uint32_t(i);
                count += (numbers[i] != unknown) == (kind == semi);
            }
            if (count == 0) return;
            if (count < run.count) keep(run, selected, count, arena);
            return next->push(std::move(run), arena);
        }
        /* Pairs of a row and a row of the table, a run of them at a time. */
        uint32_t *rows = arena.take<uint32_t>(run_rows), *matches = arena.take<uint32_t>(run_rows);
        size_t count = 0;
        for (size_t i = 0; i < run.count; i++) {
            uint32_t row = numbers[i] == unknown ? unknown : first[numbers[i]];
            if (row == unknown && kind == inner) continue;
            do {
                rows[count] = uint32_t(i);
                matches[count++] = row;
                if (count == run_rows) {
                    emit(run, rows, matches, count, arena);
                    rows = arena.take<uint32_t>(run_rows), matches = arena.take<uint32_t>(run_rows);
                    count = 0;
                }
                row = row == unknown || following.empty() ? unknown : following[row];
            } while (row != unknown);
        }
        if (count) emit(run, rows, matches, count, arena);
    }

private:
    enum { none, inner, left, semi, anti } kind;
    std::deque<TableView> views;
    std::unique_ptr<Table> joined; /* the views together, where there are several */
    std::vector<Vector> columns;   /* of the table */
    size_t rows = 0;
    std::vector<Expression> keys;
    std::vector<size_t> key_columns, payload;
    std::vector<uint64_t> dictionaries;
    std::unique_ptr<KeyMap> map;
    /* By key: the first row; by row: the next one with that key (empty: keys are unique). */
    std::vector<uint32_t> first, following;
    /* Keys that are whole numbers close to each other need no map: number = key - lowest. */
    bool is_dense = false;
    int64_t lowest = 0;
    uint64_t last = 0; /* the dictionary that `translated` is for */
    std::vector<uint32_t> translated;

    void load() {
        if (views.size() > 1) {
            joined = std::make_unique<Table>(views[0].schema());
            for (const TableView &view : views) joined->append(view);
        }
        rows = joined ? joined->rows() : views[0].rows();
        for (size_t i = 0; i < views[0].schema().size(); i++) columns.push_back(joined ? joined->column(i) : views[0].column(i));
    }

    void bind_keys(const Node &node, const Schema &before) {
        const std::vector<Node> &probes = node.at(3).items, &builds = node.at(4).items;
        if (probes.empty() || probes.size() != builds.size()) node.fail("a join has keys on both sides");
        std::vector<Type> types;
        for (size_t i = 0; i < probes.size(); i++) {
            keys.push_back(Expression::bind(probes[i], before));
            key_columns.push_back(column_place(views[0].schema(), builds[i]));
            const Type type = views[0].schema()[key_columns.back()].type, other = keys.back().type();
            const bool same = type.kind == other.kind && type.scale == other.scale && type.is_wide() == other.is_wide();
            if (!same) probes[i].fail("a join does not compare " + name_of(other) + " and " + name_of(type));
            types.push_back(type);
        }
        map = std::make_unique<KeyMap>(types);
    }

    void index() {
        std::vector<uint32_t> numbers(rows);
        const Vector &key = columns[key_columns[0]];
        is_dense = key_columns.size() == 1 && !key.valid && !key.codes && !key.type.is_wide() &&
            (key.type.kind == Kind::integer || key.type.kind == Kind::date) && find_range(key);
        if (is_dense) {
            for (size_t i = 0; i < rows; i++) numbers[i] = uint32_t(key.as<int64_t>()[i] - lowest);
        } else {
            std::vector<Vector> of_rows;
            for (const size_t place : key_columns) of_rows.push_back(columns[place]);
            map->numbers(of_rows, rows, numbers.data(), true);
            size_t largest = 0;
            for (const uint32_t number : numbers)
                if (number != unknown) largest = std::max(largest, size_t(number) + 1);
            first.assign(largest, unknown);
        }
        for (size_t i = rows; i-- > 0;) {
            if (numbers[i] == unknown) continue;
            uint32_t &head = first[numbers[i]];
            if (head != unknown && following.empty()) following.assign(rows, unknown);
            if (head != unknown) following[i] = head;
            head = uint32_t(i);
        }
    }

    bool find_range(const Vector &key) {
        int64_t highest = INT64_MIN;
        lowest = INT64_MAX;
        for (size_t i = 0; i < rows; i++) {
            lowest = std::min(lowest, key.as<int64_t>()[i]);
            highest = std::max(highest, key.as<int64_t>()[i]);
        }
        const uint64_t span = rows ? uint64_t(highest) - uint64_t(lowest) : 0;
        if (span > 64 * uint64_t(rows) + 65536) return false;
        first.assign(rows ? span + 1 : 0, unknown);
        return true;
    }

    uint32_t dense(int64_t key) const {
        const uint64_t number = uint64_t(key) - uint64_t(lowest);
        return number < first.size() && first[number] != unknown ? uint32_t(number) : unknown;
    }

    void match(const Run &run, uint32_t *numbers, Arena &arena) {
        std::vector<Vector> values;
        for (const Expression &key : keys) values.push_back(key.evaluate(run, arena));
        if (!is_dense) return map->numbers(values, run.count, numbers, false);
        const Vector &key = values[0];
        if (key.codes && last != key.dictionary) {
            last = key.dictionary;
            translated.resize(key.entries);
            for (size_t i = 0; i < key.entries; i++) translated[i] = dense(key.as<int64_t>()[i]);
        }
        for (size_t i = 0; i < run.count; i++)
            numbers[i] = !key.is_valid(i) ? unknown : key.codes ? translated[key.codes[i]] : dense(key.as<int64_t>()[i]);
    }

    void emit(const Run &run, const uint32_t *rows, const uint32_t *matches, size_t count, Arena &arena) {
        Run to = run;
        keep(to, rows, count, arena);
        uint8_t *matched = nullptr;
        if (kind == left) {
            matched = arena.take<uint8_t>(count);
            for (size_t i = 0; i < count; i++) matched[i] = matches[i] != unknown;
        }
        for (size_t p = 0; p < payload.size(); p++) to.columns.push_back(payload_of(p, matches, matched, count, arena));
        next->push(std::move(to), arena);
    }

    /* A column of the table for these rows of it: the column becomes a dictionary. */
    Vector payload_of(size_t p, const uint32_t *matches, const uint8_t *matched, size_t count, Arena &arena) const {
        const Vector &column = columns[payload[p]];
        uint32_t *codes = arena.take<uint32_t>(count);
        for (size_t i = 0; i < count; i++) {
            const uint32_t row = matches[i] == unknown ? 0 : matches[i];
            codes[i] = column.codes && row < rows ? column.codes[row] : row;
        }
        Vector vector = column;
        vector.count = count;
        vector.codes = codes;
        vector.entries = column.codes ? column.entries : rows;
        vector.dictionary = dictionaries[p];
        vector.valid = matched;
        if (column.valid) {
            uint8_t *valid = arena.take<uint8_t>(count);
            for (size_t i = 0; i < count; i++) valid[i] = matches[i] != unknown && column.valid[matches[i]];
            vector.valid = valid;
        }
        if (rows == 0) { /* a left join with nothing */
            vector.codes = nullptr;
            vector.values = std::memset(arena.take<char>(count * column.type.width()), 0, count * column.type.width());
        }
        return vector;
    }
};

} // namespace

std::unique_ptr<Operator> make_join(const Node &node, const Schema &schema, const Inputs &inputs) {
    return std::make_unique<Join>(node, schema, inputs);
}

} // namespace sql
