#include "operators.h"

namespace sql {

namespace {

class Scan : public Source {
public:
    Scan(const Node &node, const Inputs &inputs) {
        for (size_t i = 1; i < node.items.size(); i++) specs.emplace_back(node.items[i]);
        if (specs.empty()) node.fail("a scan has at least one column");
        if (node.is("nothing")) return;
        std::vector<Text> chunks(specs.size());
        for (const Inputs::Item &item : inputs.items("chunks")) {
            size_t place = 0;
            while (place < specs.size() && specs[place].name != item.name) place++;
            if (place == specs.size()) continue;
            if (chunks[place].data()) throw Failure("column " + specs[place].name + " came twice");
            chunks[place] = item.data;
        }
        for (size_t i = 0; i < specs.size(); i++) {
            if (!chunks[i].data()) throw Failure("column " + specs[i].name + " did not come");
            readers.emplace_back(specs[i], chunks[i]);
            if (readers[i].rows() != readers[0].rows())
                throw Failure("columns " + specs[0].name + " and " + specs[i].name + " have different numbers of rows");
        }
    }

    size_t place(const Node &name) const {
        for (size_t i = 0; i < specs.size(); i++)
            if (specs[i].name == name.word_or_text) return i;
        name.fail("the scan has no column '" + name.word_or_text + "'");
    }
    const ColumnSpec &spec(size_t place) const { return specs[place]; }

    /* A join can make several runs of one: all of them have their values from the same rows. */
    Vector read(size_t place, const Run &run, Arena &arena) {
        if (!is_read[place]) columns[place] = readers[place].read(count, arena);
        is_read[place] = true;
        return run.origin ? gather(columns[place], run.origin, run.count, arena) : columns[place];
    }

    void run(Operator &first, Arena &arena) override {
        columns.resize(readers.size());
        while (!readers.empty()) {
            count = run_rows;
            for (const ChunkReader &reader : readers) count = std::min(count, reader.run());
            if (count == 0) return;
            is_read.assign(readers.size(), false);
            arena.reset();
            Run run;
            run.count = count;
            first.push(std::move(run), arena);
            for (size_t i = 0; i < readers.size(); i++)
                if (!is_read[i]) readers[i].skip(count);
        }
    }

private:
    std::vector<ColumnSpec> specs;
    std::vector<ChunkReader> readers;
    std::vector<bool> is_read;   /* in this run */
    std::vector<Vector> columns; /* of those that are */
    size_t count = 0;
};

/* (read COLUMN ...): adds columns to the rows that are left. */
class Read : public Operator {
public:
    Read(const Node &node, const Schema &before, Scan &scan) : scan(scan) {
        schema = before;
        for (size_t i = 1; i < node.items.size(); i++) {
            places.push_back(scan.place(node.items[i]));
            const ColumnSpec &spec = scan.spec(places.back());
            for (const Column &column : schema)
                if (column.name == spec.name) node.fail("column " + spec.name + " is read twice");
            schema.push_back({spec.name, spec.type});
        }
    }
    void push(Run run, Arena &arena) override {
        for (const size_t place : places) run.columns.push_back(scan.read(place, run, arena));
        next->push(std::move(run), arena);
    }

private:
    Scan &scan;
    std::vector<size_t> places;
};

class Rows : public Source {
public:
    Rows(const Node &node, const Inputs &inputs) {
        for (const Inputs::Item &item : inputs.items(node.word_at(1))) views.emplace_back(item.data);
        if (views.empty()) node.fail("set " + node.at(1).word_or_text + " is empty");
        schema = views[0].schema();
        for (const TableView &view : views)
            for (size_t i = 0; i < schema.size() || i < view.schema().size(); i++)
                if (i >= schema.size() || i >= view.schema().size() || schema[i].type != view.schema()[i].type || schema[i].name != view.schema()[i].name)
                    throw Failure("tables of one set have different columns");
    }
    void run(Operator &first, Arena &arena) override {
        for (const TableView &view : views) {
            std::vector<Vector> columns;
            for (size_t i = 0; i < schema.size(); i++) columns.push_back(view.column(i));
            push_in_runs(columns, view.rows(), first, arena);
        }
    }

private:
    std::deque<TableView> views;
};

/* The rows of one table with the columns of another one, which has as many rows. */
class Beside : public Source {
public:
    Beside(const Node &node, const Inputs &inputs) {
        add(inputs.items(node.word_at(1)), "the query");
        add(inputs.items(node.word_at(2)), "the function");
        const Schema &given = views[1].schema();
        if (given.size() != 1 || given[0].name != "value") throw Failure("the function gives a table with the one column `value`");
        if (views[0].rows() != views[1].rows())
            throw Failure("the function was given " + std::to_string(views[0].rows()) + " rows and gave " + std::to_string(views[1].rows()) + " values");
    }
    void run(Operator &first, Arena &arena) override { push_in_runs(columns, views[0].rows(), first, arena); }

private:
    std::deque<TableView> views;
    std::vector<Vector> columns;

    void add(const std::vector<Inputs::Item> &items, const std::string &whose) {
        if (items.size() != 1) throw Failure("one table is expected of " + whose + ", " + std::to_string(items.size()) + " came");
        try {
            views.emplace_back(items[0].data);
        } catch (const Failure &failure) {
            throw Failure("what " + whose + " gave is wrong: " + failure.what());
        }
        schema.insert(schema.end(), views.back().schema().begin(), views.back().schema().end());
        for (size_t i = 0; i < views.back().schema().size(); i++) columns.push_back(views.back().column(i));
    }
};

class Filter : public Operator {
public:
    Filter(const Node &node, const Schema &before) : condition(Expression::bind(node.at(1), before)) {
        if (condition.type().kind != Kind::boolean) node.fail("a filter's condition is a boolean, not " + name_of(condition.type()));
        schema = before;
    }
    void push(Run run, Arena &arena) override {
        uint32_t *selected = arena.take<uint32_t>(run.count);
        const size_t count = select(condition.evaluate(run, arena), selected);
        if (count == 0) return;
        if (count < run.count) keep(run, selected, count, arena);
        next->push(std::move(run), arena);
    }

private:
    Expression condition;
};

/* (project (NAME EXPRESSION) ...) */
class Project : public Operator {
public:
    Project(const Node &node, const Schema &before) {
        for (size_t i = 1; i < node.items.size(); i++) {
            expressions.push_back(Expression::bind(node.items[i].at(1), before));
            schema.push_back({node.items[i].at(0).word_or_text, expressions.back().type()});
        }
    }
    void push(Run run, Arena &arena) override {
        Run to;
        to.count = run.count;
        to.origin = run.origin;
        for (const Expression &expression : expressions) to.columns.push_back(expression.evaluate(run, arena));
        next->push(std::move(to), arena);
    }

private:
    std::vector<Expression> expressions;
};

} // namespace

void push_in_runs(const std::vector<Vector> &columns, size_t rows, Operator &to, Arena &arena) {
    for (size_t from = 0; from < rows; from += run_rows) {
        arena.reset();
        Run run;
        run.count = std::min(run_rows, rows - from);
        for (Vector column : columns) {
            column.count = run.count;
            if (column.codes) column.codes += from;
            else column.values = static_cast<const char *>(column.values) + from * column.type.width();
            if (column.valid) column.valid += from;
            run.columns.push_back(column);
        }
        to.push(std::move(run), arena);
    }
}

std::unique_ptr<Source> make_scan(const Node &node, const Inputs &inputs) { return std::make_unique<Scan>(node, inputs); }
std::unique_ptr<Source> make_rows(const Node &node, const Inputs &inputs) { return std::make_unique<Rows>(node, inputs); }

std::unique_ptr<Source> make_beside(const Node &node, const Inputs &inputs) { return std::make_unique<Beside>(node, inputs); }

std::unique_ptr<Operator> make_read(const Node &node, const Schema &schema, Source &source) {
    Scan *scan = dynamic_cast<Scan *>(&source);
    if (!scan) node.fail("only a scan has columns to read");
    return std::make_unique<Read>(node, schema, *scan);
}
std::unique_ptr<Operator> make_filter(const Node &node, const Schema &schema) { return std::make_unique<Filter>(node, schema); }
std::unique_ptr<Operator> make_project(const Node &node, const Schema &schema) { return std::make_unique<Project>(node, schema); }

} // namespace sql
