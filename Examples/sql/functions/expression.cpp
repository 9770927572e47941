#include "expression.h"

namespace sql {

size_t column_place(const Schema &schema, const Node &node) {
    if (node.form == Node::word || node.form == Node::text)
        for (size_t i = 0; i < schema.size(); i++)
            if (schema[i].name == node.word_or_text) return i;
    node.fail("there is no column '" + node.word_or_text + "' here");
}

Vector Expression::evaluate_rows(const Run &run, Arena &arena) const {
    if (!apply) return run.columns[columns[0]];
    std::vector<Vector> values;
    for (const Expression &operand : operands) values.push_back(operand.evaluate(run, arena));
    return apply(values, run.count, arena);
}

/* Evaluates it for all entries of a dictionary; false when that fails, perhaps for an entry that no row has. */
bool Expression::evaluate_entries(const Vector &column, size_t place, size_t width) const {
    if (known->of == column.dictionary) return true;
    Run entries;
    entries.count = column.entries;
    entries.columns.resize(width);
    Vector &all = entries.columns[place];
    all.type = column.type;
    all.count = column.entries;
    all.values = column.values;
    known->of = 0;
    known->arena.reset();
    try {
        known->values = evaluate_rows(entries, known->arena);
    } catch (const Failure &) {
        return false;
    }
    if (known->values.valid || known->values.codes) return false;
    known->of = column.dictionary;
    known->dictionary = new_dictionary();
    return true;
}

Vector Expression::evaluate(const Run &run, Arena &arena) const {
    if (!apply || columns.size() != 1) return evaluate_rows(run, arena);
    const Vector &column = run.columns[columns[0]];
    if (!column.codes || column.valid || !evaluate_entries(column, columns[0], run.columns.size())) return evaluate_rows(run, arena);
    Vector result = known->values;
    result.count = run.count;
    result.codes = column.codes;
    result.entries = column.entries;
    result.dictionary = known->dictionary;
    return result;
}

size_t select(const Vector &condition, uint32_t *selected) {
    size_t count = 0;
    const uint8_t *values = condition.as<uint8_t>();
    for (size_t i = 0; i < condition.count; i++) {
        selected[count] = uint32_t(i);
        count += values[condition.codes ? condition.codes[i] : i] && condition.is_valid(i);
    }
    return count;
}

} // namespace sql
