#include "operators.h"
#include <numeric>

namespace sql {

namespace {

class Sort : public Operator {
public:
    Sort(const Node &node, const Schema &before) : table(before) {
        size_t from = 1;
        if (node.is("top")) {
            count = size_t(std::max<int64_t>(0, node.number_at(1)));
            skip = size_t(std::max<int64_t>(0, node.number_at(2)));
            from = 3;
        }
        for (size_t i = from; i < node.items.size(); i++)
            keys.push_back({column_place(before, node.items[i].at(0)), node.items[i].word_at(1) == "desc", node.items[i].word_at(2) == "first"});
        schema = before;
    }

    void push(Run run, Arena &arena) override {
        (void)arena;
        /* Without an order any rows will do. */
        if (keys.empty() && table.rows() >= count && table.rows() - count >= skip) return;
        table.append(run);
    }

    void finish(Arena &arena) override {
        std::vector<Vector> columns;
        for (size_t i = 0; i < schema.size(); i++) columns.push_back(table.column(i));
        std::vector<uint32_t> order(table.rows());
        std::iota(order.begin(), order.end(), 0);
        const size_t end = skip < order.size() ? skip + std::min(count, order.size() - skip) : order.size();
        const auto less = [&](uint32_t a, uint32_t b) { return is_before(columns, a, b); };
        if (!keys.empty()) std::partial_sort(order.begin(), order.begin() + long(end), order.end(), less);
        const size_t begin = std::min(skip, end);
        for (size_t at = begin; at < end; at += run_rows) {
            arena.reset();
            Run run;
            run.count = std::min(run_rows, end - at);
            for (const Vector &column : columns) run.columns.push_back(gather(column, order.data() + at, run.count, arena));
            next->push(std::move(run), arena);
        }
        next->finish(arena);
    }

private:
    struct Key {
        size_t place;
        bool is_descending, nulls_first;
    };
    std::vector<Key> keys;
    size_t count = SIZE_MAX, skip = 0;
    Table table;

    template <class T> static int compare(const Vector &column, uint32_t a, uint32_t b) {
        const T &x = column.at<T>(a), &y = column.at<T>(b);
        return x < y ? -1 : y < x;
    }

    static int compare(const Vector &column, uint32_t a, uint32_t b) {
        switch (column.type.kind) {
        case Kind::text: return compare<Text>(column, a, b);
        case Kind::real: return compare<double>(column, a, b);
        case Kind::boolean: return compare<uint8_t>(column, a, b);
        default: return column.type.is_wide() ? compare<wide>(column, a, b) : compare<int64_t>(column, a, b);
        }
    }

    /* Rows that are equal keep their order. */
    bool is_before(const std::vector<Vector> &columns, uint32_t a, uint32_t b) const {
        for (const Key &key : keys) {
            const Vector &column = columns[key.place];
            const bool there = column.is_valid(a), other = column.is_valid(b);
            if (there != other) return there != key.nulls_first;
            const int order = there ? compare(column, a, b) : 0;
            if (order) return (order < 0) != key.is_descending;
        }
        return a < b;
    }
};

} // namespace

std::unique_ptr<Operator> make_sort(const Node &node, const Schema &schema) { return std::make_unique<Sort>(node, schema); }

} // namespace sql
