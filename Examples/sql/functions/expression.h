/* Expressions over the columns of a run. */
#ifndef SQL_EXPRESSION_H
#define SQL_EXPRESSION_H

#include "plan.h"
#include <functional>

namespace sql {

struct Column {
    std::string name;
    Type type;
};
using Schema = std::vector<Column>;

/* The place of a column; fails at the node when there is none. */
size_t column_place(const Schema &schema, const Node &node);

class Expression {
public:
    using Evaluate = std::function<Vector(const std::vector<Vector> &, size_t count, Arena &)>;

    /* (+ a b), (and a b), a column's name, "text", 12, (decimal 1250 2), ... Fails at the node that is wrong. */
    static Expression bind(const Node &node, const Schema &schema);

    Type type() const { return result; }
    /* NULLs of the operands, overflow (which is a Failure) and three-valued logic are as in SQL. */
    Vector evaluate(const Run &run, Arena &arena) const;

private:
    friend struct Binder;
    Type result;
    std::vector<size_t> columns; /* that it reads, each once */
    std::vector<Expression> operands;
    Evaluate apply; /* on the operands' values; empty: it is the column itself */
    /* What it gives for a dictionary's entries, once for each dictionary. */
    struct Known {
        uint64_t of = 0, dictionary = 0;
        Arena arena;
        Vector values;
    };
    std::shared_ptr<Known> known = std::make_shared<Known>();

    Vector evaluate_rows(const Run &run, Arena &arena) const;
    bool evaluate_entries(const Vector &column, size_t place, size_t width) const;
};

/* The rows for which a boolean is true, of the run's rows; returns how many. */
size_t select(const Vector &condition, uint32_t *selected);

} // namespace sql
#endif
