/* What a plan is made of: operators that rows are pushed through. */
#ifndef SQL_OPERATORS_H
#define SQL_OPERATORS_H

#include "expression.h"
#include "keys.h"
#include "parquet.h"
#include "table.h"

namespace sql {

/* Rows of a run, at most. */
constexpr size_t run_rows = 4096;

/* Items of the function's input sets. A set is named by a word; one without items, or that is not there, is empty. */
class Inputs {
public:
    struct Item {
        Text name, data;
        size_t key;
    };
    virtual ~Inputs() = default;
    virtual std::vector<Item> items(const std::string &set) const = 0;
};

class Operator {
public:
    virtual ~Operator() = default;
    virtual void push(Run run, Arena &arena) = 0;
    /* No rows follow. */
    virtual void finish(Arena &arena) { next->finish(arena); }

    Schema schema; /* of the rows that it hands on */
    Operator *next = nullptr;
};

/* Where a plan's columns come from, a run at a time. */
class Source {
public:
    virtual ~Source() = default;
    virtual void run(Operator &first, Arena &arena) = 0;
    Schema schema;
};

/* (scan (column ...) ...): the chunks of an instance. Its rows have no columns until `read` reads them.
 * (nothing (column ...) ...): a table without rows, for which no chunks come. */
std::unique_ptr<Source> make_scan(const Node &node, const Inputs &inputs);
/* (rows SET): the tables of a set. */
std::unique_ptr<Source> make_rows(const Node &node, const Inputs &inputs);
/* (beside SET SET): the rows of a table, with the column that a function of the user's made of them. */
std::unique_ptr<Source> make_beside(const Node &node, const Inputs &inputs);

std::unique_ptr<Operator> make_read(const Node &node, const Schema &schema, Source &source);
std::unique_ptr<Operator> make_filter(const Node &node, const Schema &schema);
std::unique_ptr<Operator> make_project(const Node &node, const Schema &schema);
/* (join SET KIND (KEY ...) (KEY ...) (PAYLOAD ...) [NAME] [CONDITION]): keys are expressions of the rows, equal to those of the set's
 * tables; without keys every row goes with every one. The condition is on a row with the payload of its match. KIND is
 *   inner, left       the pairs; left also gives rows without a match
 *   single            as left, and several matches of a row are a Failure: a query that stands for a value
 *   semi, anti        the rows with a match, those without
 *   exists, in        all rows, with the boolean NAME that says whether there is a match; of `in` NULL where a NULL could be one */
std::unique_ptr<Operator> make_join(const Node &node, const Schema &schema, const Inputs &inputs);
/* (aggregate ((NAME KEY) ...) ((NAME FUNCTION [OPERAND]) ...)): FUNCTION is sum, min, max or count;
 * (NAME FUNCTION OPERAND distinct) takes each value once. */
std::unique_ptr<Operator> make_aggregate(const Node &node, const Schema &schema);
/* (sort (COLUMN asc|desc first|last) ...): where NULLs are. (top COUNT SKIP (COLUMN ...) ...): some of the sorted rows. */
std::unique_ptr<Operator> make_sort(const Node &node, const Schema &schema);

/* Pushes the rows from `from` on, in runs, to an operator. */
void push_in_runs(const std::vector<Vector> &columns, size_t rows, Operator &to, Arena &arena);

} // namespace sql
#endif
