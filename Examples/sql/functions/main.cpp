/* One step of a query. Input sets: `plan`, a plan; `heads`, the answers' heads where chunks were fetched; `chunks`, column chunks named after
 * their columns; `t1` ... `t8`, tables. Output set: `rows`, a table. A plan is a source and operators, one after another. */
#include "operators.h"
#include <dandelion/function.h>

namespace sql {

static Text text_of(const dandelion_item &item) { return Text(static_cast<const char *>(item.data), item.length); }

class InputSets : public Inputs {
public:
    std::vector<Item> items(const std::string &set) const override {
        const size_t place = dandelion_input_set(set.c_str());
        std::vector<Item> result;
        if (place == DANDELION_NO_SET) return result; /* an empty set may have lost its name */
        for (size_t i = 0; i < dandelion_input_count(place); i++) {
            const dandelion_item *item = dandelion_input(place, i);
            result.push_back({Text(item->name, item->name_length), text_of(*item), item->key});
        }
        return result;
    }
};

/* Keeps the rows for the output. */
class Output : public Operator {
public:
    explicit Output(const Schema &schema) : table(schema) {}
    void push(Run run, Arena &arena) override {
        (void)arena;
        table.append(run);
    }
    void finish(Arena &arena) override { (void)arena; }
    Table table;
};

static std::unique_ptr<Operator> make_operator(const Node &node, const Schema &schema, const Inputs &inputs, Source &source) {
    const std::string &head = node.head();
    if (head == "read") return make_read(node, schema, source);
    if (head == "filter") return make_filter(node, schema);
    if (head == "project") return make_project(node, schema);
    if (head == "join") return make_join(node, schema, inputs);
    if (head == "aggregate") return make_aggregate(node, schema);
    if (head == "sort" || head == "top") return make_sort(node, schema);
    node.fail("no operator is called '" + head + "'");
}

static Table run_plan(Text text, const Inputs &inputs) {
    const Node plan = parse_plan(text);
    const Node &first = plan.at(0);
    std::unique_ptr<Source> source = first.is("scan") || first.is("nothing") ? make_scan(first, inputs) : first.is("rows") ? make_rows(first, inputs)
        : first.is("beside") ? make_beside(first, inputs) : nullptr;
    if (!source) first.fail("a plan begins with 'scan', 'nothing', 'rows' or 'beside'");
    std::vector<std::unique_ptr<Operator>> operators;
    for (size_t i = 1; i < plan.items.size(); i++) {
        const Schema &schema = operators.empty() ? source->schema : operators.back()->schema;
        operators.push_back(make_operator(plan.items[i], schema, inputs, *source));
        if (operators.size() > 1) operators[operators.size() - 2]->next = operators.back().get();
    }
    Output output(operators.empty() ? source->schema : operators.back()->schema);
    if (!operators.empty()) operators.back()->next = &output;
    Operator &start = operators.empty() ? output : *operators[0];
    Arena arena;
    source->run(start, arena);
    start.finish(arena);
    return std::move(output.table);
}

/* Chunks are ranges of objects: a server that answers anything else has not sent them. */
static void check_answers(const Inputs &inputs) {
    const std::vector<Inputs::Item> heads = inputs.items("heads"), bodies = inputs.items("chunks");
    for (size_t i = 0; i < heads.size(); i++) {
        const Text line = heads[i].data.substr(0, heads[i].data.find_first_of("\r\n"));
        const size_t blank = line.find(' ');
        const Text status = blank == Text::npos ? Text() : line.substr(blank + 1, 3);
        if (status == "206") continue;
        std::string told = "the storage did not send column " + std::string(heads[i].name) + ": " + std::string(line);
        if (status == "200") told += " (the whole object in place of a range)";
        else if (i < bodies.size()) told += "\n" + std::string(bodies[i].data.substr(0, 500));
        throw Failure(told);
    }
}

} // namespace sql

int main() {
    try {
        const sql::InputSets inputs;
        const auto plans = inputs.items("plan");
        if (plans.size() != 1) throw sql::Failure("there is one plan, not " + std::to_string(plans.size()));
        sql::check_answers(inputs);
        const std::vector<char> bytes = sql::run_plan(plans[0].data, inputs).serialize();
        const auto chunks = inputs.items("chunks");
        const size_t rows = dandelion_output_set("rows");
        dandelion_item item{"table", 5, const_cast<char *>(bytes.data()), bytes.size(), chunks.empty() ? 0 : chunks[0].key};
        if (dandelion_output(rows, &item) != 0) throw sql::Failure("the function has no output set `rows`");
        dandelion_exit(0); /* before the table is destroyed */
    } catch (const sql::Failure &failure) {
        dandelion_fail("QueryError", failure.what(), nullptr);
    } catch (const std::bad_alloc &) {
        dandelion_fail("QueryError", "the memory of the function is full; register it with more", nullptr);
    } catch (const std::exception &failure) {
        dandelion_fail("QueryError", failure.what(), nullptr);
    }
}
