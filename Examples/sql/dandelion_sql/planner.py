"""From a query to steps. Of each block the largest table's partitions are scanned, joined with the other tables and aggregated in part,
each in a sandbox of its own; another step puts the parts together. Blocks that are joined come before."""

import dataclasses
import itertools

from sqlglot import exp

from . import Refused
from .block import Block
from .estimates import groups, share
from .expressions import Translator, name, quoted, refuse
from .joins import Joined, Joins
from .kinds import Kinds
from .query import AGGREGATES, at, offset_of, read
from .results import finish

MOST_TABLES = 8  # that one step has


@dataclasses.dataclass
class Call:
    """A user's function over batches: it gets the rows, with its arguments as columns `argument0`, ..., and gives a table with the one
    column `value`, of as many rows."""
    function: str
    plan: str    # of the step before it


@dataclasses.dataclass(eq=False)
class Step:
    """A plan. With groups of a table's manifest it runs once for each, with the chunks of `columns`; without it runs once. tables: the
    steps whose tables it has as t1, t2, ...; calls: functions of users, each with the plan before it; `plan` comes after them."""
    plan: str
    tables: list = dataclasses.field(default_factory=list)
    table: str = ""
    columns: list = dataclasses.field(default_factory=list)
    groups: list = dataclasses.field(default_factory=list)
    calls: list = dataclasses.field(default_factory=list)


class Planner(Joins):
    """The steps of one block. steps: where they are appended."""

    def __init__(self, block, functions, steps):
        super().__init__(block)
        self.functions, self.steps = functions, steps
        self.kinds = Kinds(block.kind_of)

    def calls(self, node):
        return [call for call in node.find_all(exp.Anonymous) if self.known(call)]

    def known(self, call):
        if call.name.lower() not in self.functions:
            there = ", ".join(sorted(self.functions)) or "none is registered: --function NAME"
            refuse(call, f"there is no function '{call.name}'; functions of yours: {there}")
        return True

    # Columns

    def named(self, node):
        """A column's name in the main step: its own columns by their names, others by alias and name."""
        alias, column = self.block.column(node)
        return column if alias == self.main else f"{alias}.{column}"

    def used(self, alias, nodes):
        found = {}
        for node in nodes:
            for column in node.find_all(exp.Column):
                if self.block.column(column)[0] == alias:
                    found[column.name] = True
        return list(found)

    # Steps

    def scan(self, alias, columns):
        specs = self.source(alias)["columns"]
        def form(parts):
            return "(" + " ".join(str(part) for part in parts) + ")"
        word = "scan" if self.source(alias)["groups"] else "nothing"
        # A scan needs a column, if only to count rows.
        return f"({word} " + " ".join(
            f"(column {quoted(column)} {form(specs[column]['physical'])} {form(specs[column]['type'])} {specs[column]['codec']} {specs[column]['nullable']})"
            for column in columns or [self.smallest(alias)]) + ")"

    def smallest(self, alias):
        """The column with the fewest bytes."""
        table = self.source(alias)
        chunks = table["groups"][0]["chunks"] if table["groups"] else {}
        return min(table["columns"], key=lambda column: (chunks.get(column, (0, 0))[1], column))

    def reader(self, alias):
        """Reads columns as they are needed: a function from their names to the operators that read what was not read yet."""
        done = {}
        def read(names):
            if not self.source(alias):
                return []
            fresh = [column for column in dict.fromkeys(names) if column not in done]
            done.update(dict.fromkeys(fresh))
            return [f"(read {' '.join(map(quoted, fresh))})"] if fresh else []
        return read, done

    def share(self, alias, condition):
        return share(self.source(alias), condition) if self.source(alias) else 0.5

    def filters(self, alias, conditions, read, translate):
        operators = []
        for condition in sorted(conditions, key=lambda condition: self.share(alias, condition)):
            operators += read(self.used(alias, [condition]))
            operators.append(f"(filter {translate.truth(condition)})")
        return operators

    def partitions(self, alias, columns, conditions):
        """What a step over a table's partitions has, beside its plan."""
        table = self.source(alias)
        return {"table": self.block.tables[alias], "columns": list(columns) or [self.smallest(alias)],
                "groups": groups(table, conditions)}

    def add(self, step):
        if len(step.tables) > MOST_TABLES:
            refuse(self.block.tree, f"at most {MOST_TABLES + 1} tables and inner queries are joined")
        self.steps.append(step)
        return step

    def joined_step(self, joined, needed):
        """A table or lookup that others are joined with: its rows that fulfil its conditions, and the columns that are needed of it."""
        alias = joined.alias
        conditions = self.conditions_of(alias)
        translate = Translator(lambda node: node.name, self.kinds)
        project = "(project " + " ".join(f"({quoted(f'{alias}.{column}')} {name(column)})" for column in needed) + ")"
        if self.source(alias):
            read, done = self.reader(alias)
            operators = [*self.filters(alias, conditions, read, translate), *read(needed), project]
            return self.add(Step("\n".join([self.scan(alias, list(done)), *operators]), **self.partitions(alias, done, conditions)))
        lookup = self.block.lookup(alias)
        filters = [f"(filter {translate.truth(condition)})" for condition in conditions]
        return self.rows_of(lookup.block if lookup else self.block.tables[alias], [*filters, project])

    def rows_of(self, block, operators):
        """The step with a block's rows, and what is done with them here; a block that has several uses runs once."""
        if block.uses <= 1:
            return Planner(block, self.functions, self.steps).step(operators)
        if block.step is None:
            block.step = Planner(block, self.functions, self.steps).step()
        return self.add(Step("\n".join(["(rows t1)", *operators]), [block.step])) if operators else block.step

    # Joins

    def join(self, place, joined, probe, payload):
        """The operator; probe: translates expressions of what is there."""
        of_table = Translator(lambda node: f"{joined.alias}.{node.name}", self.kinds)
        probes = " ".join(probe(outer) for outer, _ in joined.keys)
        builds = " ".join(of_table(inner) for _, inner in joined.keys)
        payloads = " ".join(quoted(f"{joined.alias}.{column}") for column in payload)
        mark = f" {quoted(f'{joined.alias}.found')}" if joined.kind in ("exists", "in") else ""
        condition = f" {probe.truth(joined.condition)}" if joined.condition is not None else ""
        return f"(join t{place} {joined.kind} ({probes}) ({builds}) ({payloads}){mark}{condition})"

    def columns_of(self, joined, needed):
        """Of a joined table: what its step gives, and what goes on with the rows."""
        payload = self.used(joined.alias, needed + ([joined.condition] if joined.condition is not None else []))
        payload = [column for column in payload if not (joined.kind in ("exists", "in") and column == "found")]
        inner = self.used(joined.alias, [inner for _, inner in joined.keys])
        return list(dict.fromkeys(inner + payload)) or [self.any_column(joined.alias)], payload

    def any_column(self, alias):
        """Rows are counted by a column."""
        if self.source(alias):
            return self.smallest(alias)
        lookup = self.block.lookup(alias)
        return (lookup.block if lookup else self.block.tables[alias]).select[0][0]

    # The block

    def step(self, extra=()):
        """The step that gives the block's rows, with `extra` operators behind; the steps before it are appended, too."""
        order = self.order()
        outer = [outer for joined in order for outer, _ in joined.keys] + [joined.condition for joined in order if joined.condition is not None]
        late = [outer for lookup in self.block.lookups if lookup.late for outer, _ in lookup.keys]
        needed = self.block.results() + self.others + late
        read, done = self.reader(self.main)
        translate = Translator(self.named, self.kinds)
        tables = [] if self.source(self.main) else [self.rows_of(self.block.tables[self.main], [])]
        is_query = bool(tables)
        operators = self.filters(self.main, self.local[self.main], read, translate)
        open_conditions = [condition for condition in self.others if not self.calls(condition)]
        there = {self.main}
        for joined in order:
            columns, payload = self.columns_of(joined, needed + outer)
            tables.append(self.joined_step(joined, columns))
            operators += read(self.used(self.main, [outer for outer, _ in joined.keys] + ([joined.condition] if joined.condition is not None else [])))
            operators.append(self.join(len(tables), joined, translate, payload))
            there.add(joined.alias)
            operators += self.ripe(open_conditions, there, read, translate)
        operators += self.ripe(open_conditions, there, read, translate)
        operators += read(self.used(self.main, needed))
        calls, known, operators = self.split_at_calls(operators, needed)
        translate = Translator(self.named, self.kinds, known)
        if is_query and not calls:
            part, last = finish(self.block, translate, lambda known: self.late_joins(tables, known))
            return self.add(Step("\n".join(["(rows t1)", *operators, *part, *last, *extra]), tables))
        last_tables = [None]
        part, last = finish(self.block, translate, lambda known: self.late_joins(last_tables, known))
        begin = "(rows t1)" if is_query else self.scan(self.main, list(done))
        if calls:
            calls[0].plan = "\n".join([begin, calls[0].plan])
        plan = "\n".join([*([] if calls else [begin]), *operators, *part])
        partitions = {} if is_query else self.partitions(self.main, done, self.local[self.main])
        last_tables[0] = self.add(Step(plan, tables, calls=calls, **partitions))
        return self.add(Step("\n".join(["(rows t1)", *last, *extra]), last_tables))

    def ripe(self, conditions, there, read, translate):
        """Filters by the conditions whose tables are there, which are taken out."""
        operators = []
        for condition in [condition for condition in conditions if self.aliases(condition) <= there]:
            conditions.remove(condition)
            operators += read(self.used(self.main, [condition]))
            operators.append(f"(filter {translate.truth(condition)})")
        return operators

    def late_joins(self, tables, known):
        """The lookups that are joined with groups: operators, while their columns become known and their steps join `tables`."""
        def group(node):
            refuse(node, f"column {node.sql()} stands in no GROUP BY and in no aggregate")
        operators = []
        for lookup in [lookup for lookup in self.block.lookups if lookup.late]:
            keys = [(outer, exp.column(column, table=lookup.alias)) for outer, column in lookup.keys]
            joined = Joined(lookup.alias, lookup.kind, keys, lookup.condition)
            columns, payload = self.columns_of(joined, self.block.results())
            known.update({exp.column(column, table=lookup.alias).sql(): f"{lookup.alias}.{column}" for column in [*payload, "found"]})
            tables.append(self.joined_step(joined, columns))
            operators.append(self.join(len(tables), joined, Translator(group, self.kinds, known), payload))
        return operators

    # Functions of users

    def split_at_calls(self, operators, needed):
        """The plans before each call, what the calls' results are named by, and the operators behind the last one."""
        calls, known = [], {}
        nodes = {call.sql(): call for node in needed for call in self.calls(node)}
        for call in nodes.values():
            if any(isinstance(argument, exp.Anonymous) for part in call.expressions for argument in part.walk()):
                refuse(call, "a function's argument is no call of another one")
            if any(isinstance(node, AGGREGATES) for part in call.expressions for node in part.walk()):
                refuse(call, "a function is called for rows, not for groups")
        late = {lookup.alias for lookup in self.block.lookups if lookup.late}
        columns = {self.named(column): column for node in needed for column in node.find_all(exp.Column) if column.table not in late}
        for place, (sql, call) in enumerate(nodes.items()):
            translate = Translator(self.named, self.kinds, known)
            kept = [f"({quoted(column)} {name(column)})" for column in columns]
            kept += [f"({quoted(word)} {name(word)})" for word in known.values()]
            arguments = [f"(argument{i} {translate(argument)})" for i, argument in enumerate(call.expressions)]
            calls.append(Call(self.functions[call.name.lower()], "\n".join([*operators, f"(project {' '.join(kept + arguments)})"])))
            word = f"call{place}"
            kept.append(f"({word} value)")
            operators = ["(beside t1 t2)", f"(project {' '.join(kept)})"]
            known[sql] = word
        if calls:
            translate = Translator(self.named, self.kinds, known)
            operators += [f"(filter {translate.truth(condition)})" for condition in self.others if self.calls(condition)]
        return calls, known, operators


def plan(sql, manifest, functions=None):
    """The steps of a query; the last one gives its rows. functions: the user's, by their names in SQL. Refused says where in the query
    what is not done stands."""
    try:
        steps = []
        Planner(Block(read(sql, manifest), manifest, {}, itertools.count()), functions or {}, steps).step()
        return steps
    except Refused as error:
        node = getattr(error, "node", None)
        raise (at(sql, offset_of(node), str(error)) if node is not None else error) from None
    except RecursionError:
        raise Refused("the query is nested too deeply") from None
