#include "operators.h"
#include "values.h"

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

/* (cast TYPE expression) */
Node cast_node(const Node &expression, Type to) {
    const auto leaf = [&](Node::Form form, const std::string &text) {
        Node node;
        node.form = form;
        node.word_or_text = text;
        node.place = expression.place;
        return node;
    };
    Node type, cast;
    type.place = cast.place = expression.place;
    type.items = {leaf(Node::word, to.kind == Kind::real ? "double" : to.kind == Kind::decimal ? "decimal" : "integer")};
    if (to.is_number()) type.items.push_back(leaf(Node::number, std::to_string(to.digits)));
    if (to.kind == Kind::decimal) type.items.push_back(leaf(Node::number, std::to_string(to.scale)));
    cast.items = {leaf(Node::word, "cast"), type, expression};
    return cast;
}

class Join : public Operator {
public:
    Join(const Node &node, const Schema &before, const Inputs &inputs) : kind(kind_of(node)) {
        for (const Inputs::Item &item : inputs.items(node.word_at(1))) views.emplace_back(item.data);
        if (views.empty()) node.fail("set " + node.at(1).word_or_text + " is empty");
        load();
        bind_keys(node, before);
        index();
        Schema with_payload = before;
        for (const Node &name : node.at(5).items) {
            payload.push_back(column_place(views[0].schema(), name));
            with_payload.push_back(views[0].schema()[payload.back()]);
        }
        /* What a dictionary knows holds for all runs: a column of the table is a dictionary of its rows. */
        for (const size_t place : payload) dictionaries.push_back(columns[place].codes ? columns[place].dictionary : new_dictionary());
        schema = gives_pairs() ? with_payload : before;
        const bool marks = kind == exists || kind == in;
        if (marks) schema.push_back({node.at(6).word_or_text, boolean_type});
        const size_t place = marks ? 7 : 6;
        if (node.items.size() <= place) return;
        condition = std::make_unique<Expression>(Expression::bind(node.items[place], with_payload));
        if (condition->type().kind != Kind::boolean) node.items[place].fail("a join's condition is a boolean, not " + name_of(condition->type()));
    }

    void push(Run run, Arena &arena) override {
        uint32_t *numbers = arena.take<uint32_t>(run.count);
        const uint8_t *nulls = match(run, numbers, arena);
        uint8_t *hit = arena.take<uint8_t>(run.count);
        std::memset(hit, 0, run.count);
        if (condition || gives_pairs()) pair(run, numbers, hit, arena);
        else
            for (size_t i = 0; i < run.count; i++) hit[i] = numbers[i] != unknown;
        if (kind == semi || kind == anti) return filter(run, hit, arena);
        if (kind == exists || kind == in) mark(run, hit, nulls, arena);
    }

private:
    enum Which { inner, left, single, semi, anti, exists, in } kind;
    std::deque<TableView> views;
    std::unique_ptr<Table> joined; /* the views together, where there are several */
    std::vector<Vector> columns;   /* of the table */
    size_t rows = 0;
    std::vector<Expression> keys;
    std::vector<Vector> table_keys; /* of the table, of the keys' types */
    Arena kept;                     /* for those that are made */
    std::vector<size_t> payload;
    std::vector<uint64_t> dictionaries;
    std::unique_ptr<Expression> condition; /* of a row with its match; none: keys are all */
    std::unique_ptr<KeyMap> map;
    /* By key: the first row; by row: the next one with that key (empty: keys are unique). */
    std::vector<uint32_t> first, following;
    bool has_null = false; /* in a key of the table */
    /* Keys that are whole numbers close to each other need no map: number = key - lowest. */
    bool is_dense = false;
    int64_t lowest = 0;
    uint64_t last = 0; /* the dictionary that `translated` is for */
    std::vector<uint32_t> translated;

    static Which kind_of(const Node &node) {
        static const char *const words[] = {"inner", "left", "single", "semi", "anti", "exists", "in"};
        for (size_t i = 0; i < std::size(words); i++)
            if (node.word_at(2) == words[i]) return Which(i);
        node.at(2).fail("a join is inner, left, single, semi, anti, exists or in");
    }
    bool gives_pairs() const { return kind <= single; }
    bool keeps_all() const { return kind == left || kind == single; }

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
        if (probes.size() != builds.size()) node.fail("a join has as many keys on both sides");
        std::vector<Type> types;
        for (size_t i = 0; i < probes.size(); i++) {
            Expression probe = Expression::bind(probes[i], before), build = Expression::bind(builds[i], views[0].schema());
            if (!comparable(probe.type(), build.type()))
                probes[i].fail("a join does not compare " + name_of(probe.type()) + " and " + name_of(build.type()));
            const bool same = probe.type().kind == build.type().kind && probe.type().scale == build.type().scale &&
                probe.type().is_wide() == build.type().is_wide();
            if (!same) {
                const Type common = common_type(probes[i], probe.type(), build.type());
                probe = Expression::bind(cast_node(probes[i], common), before);
                build = Expression::bind(cast_node(builds[i], common), views[0].schema());
            }
            Run all;
            all.count = rows;
            all.columns = columns;
            table_keys.push_back(build.evaluate(all, kept));
            types.push_back(build.type());
            keys.push_back(std::move(probe));
        }
        map = std::make_unique<KeyMap>(types);
    }

    void index() {
        std::vector<uint32_t> numbers(rows);
        is_dense = table_keys.size() == 1 && find_range(table_keys[0]);
        if (is_dense) {
            for (size_t i = 0; i < rows; i++) numbers[i] = uint32_t(table_keys[0].as<int64_t>()[i] - lowest);
        } else {
            map->numbers(table_keys, rows, numbers.data(), true);
            size_t largest = 0;
            for (const uint32_t number : numbers) {
                if (number != unknown) largest = std::max(largest, size_t(number) + 1);
                else has_null = true;
            }
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
        if (key.valid || key.codes || key.type.is_wide() || (key.type.kind != Kind::integer && key.type.kind != Kind::date)) return false;
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

    /* Numbers of the rows' keys, `unknown` where the table has none; gives the validity of a single key. */
    const uint8_t *match(const Run &run, uint32_t *numbers, Arena &arena) {
        std::vector<Vector> values;
        for (const Expression &key : keys) values.push_back(key.evaluate(run, arena));
        if (!is_dense) {
            map->numbers(values, run.count, numbers, false);
            /* Without keys there is the one key of all rows, if the table has a row. */
            if (keys.empty() && rows == 0) std::fill(numbers, numbers + run.count, unknown);
            return values.size() == 1 ? values[0].valid : nullptr;
        }
        const Vector &key = values[0];
        if (key.codes && last != key.dictionary) {
            last = key.dictionary;
            translated.resize(key.entries);
            for (size_t i = 0; i < key.entries; i++) translated[i] = dense(key.as<int64_t>()[i]);
        }
        for (size_t i = 0; i < run.count; i++)
            numbers[i] = !key.is_valid(i) ? unknown : key.codes ? translated[key.codes[i]] : dense(key.as<int64_t>()[i]);
        return key.valid;
    }

    /* Pairs of a row and a row of the table, a run of them at a time. */
    void pair(const Run &run, const uint32_t *numbers, uint8_t *hit, Arena &arena) {
        uint32_t *left_rows = nullptr, *matches = nullptr;
        size_t count = 0;
        const auto flush = [&](bool are_matches) {
            if (count) emit(run, left_rows, matches, count, are_matches, hit, arena);
            count = 0;
        };
        const auto add = [&](size_t row, uint32_t with, bool is_match) {
            if (count == 0) left_rows = arena.take<uint32_t>(run_rows), matches = arena.take<uint32_t>(run_rows);
            left_rows[count] = uint32_t(row);
            matches[count++] = with;
            if (count == run_rows) flush(is_match);
        };
        for (size_t i = 0; i < run.count; i++) {
            uint32_t row = numbers[i] == unknown ? unknown : first[numbers[i]];
            /* In its place, where no condition can take the others away. */
            if (row == unknown && keeps_all() && !condition) add(i, unknown, true);
            for (; row != unknown; row = following.empty() ? unknown : following[row]) add(i, row, true);
        }
        flush(true);
        if (!condition || !keeps_all()) return;
        for (size_t i = 0; i < run.count; i++)
            if (!hit[i]) add(i, unknown, false);
        flush(false);
    }

    /* Notes which rows have a match, and hands the pairs on where the kind gives them. */
    void emit(const Run &run, const uint32_t *left_rows, const uint32_t *matches, size_t count, bool are_matches, uint8_t *hit, Arena &arena) {
        Run to = run;
        keep(to, left_rows, count, arena);
        uint8_t *matched = nullptr;
        if (keeps_all()) {
            matched = arena.take<uint8_t>(count);
            for (size_t i = 0; i < count; i++) matched[i] = matches[i] != unknown;
        }
        for (size_t p = 0; p < payload.size(); p++) to.columns.push_back(payload_of(p, matches, matched, count, arena));
        if (condition && are_matches) {
            uint32_t *selected = arena.take<uint32_t>(count);
            const size_t passed = select(condition->evaluate(to, arena), selected);
            for (size_t i = 0; i < passed; i++) note(left_rows[selected[i]], hit);
            if (passed == 0 || !gives_pairs()) return;
            if (passed < count) keep(to, selected, passed, arena);
        } else if (are_matches) {
            for (size_t i = 0; i < count; i++)
                if (matches[i] != unknown) note(left_rows[i], hit);
        }
        next->push(std::move(to), arena);
    }

    void note(uint32_t row, uint8_t *hit) const {
        if (kind == single && hit[row]) throw Failure("a query that stands for one value gives several rows");
        hit[row] = 1;
    }

    void filter(Run &run, const uint8_t *hit, Arena &arena) {
        uint32_t *selected = arena.take<uint32_t>(run.count);
        size_t count = 0;
        for (size_t i = 0; i < run.count; i++) {
            selected[count] = uint32_t(i);
            count += hit[i] == (kind == semi);
        }
        if (count == 0) return;
        if (count < run.count) keep(run, selected, count, arena);
        next->push(std::move(run), arena);
    }

    /* Adds whether a row has a match; of `in` that is NULL where a NULL could be one. */
    void mark(Run &run, uint8_t *hit, const uint8_t *nulls, Arena &arena) {
        Vector found;
        found.type = boolean_type;
        found.count = run.count;
        found.values = hit;
        if (kind == in && rows != 0) {
            uint8_t *valid = arena.take<uint8_t>(run.count);
            for (size_t i = 0; i < run.count; i++) valid[i] = hit[i] || !(has_null || (nulls && !nulls[i]));
            found.valid = valid;
        }
        run.columns.push_back(found);
        next->push(std::move(run), arena);
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
