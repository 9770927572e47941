"""From a query to steps: the largest table's partitions are scanned, joined with the other tables and aggregated in part, each in a
sandbox of its own; the last step puts the parts together."""

import dataclasses

from sqlglot import exp

from . import Refused
from .estimates import groups, share, share_of_all
from .expressions import Translator, name, quoted, refuse
from .query import AGGREGATES, Query, at, offset_of
from .results import finish

MOST_TABLES = 8  # that one step can join


@dataclasses.dataclass
class Call:
    """A user's function over batches: it gets the rows, with its arguments as columns `argument0`, ..., and gives a table with the one
    column `value`, of as many rows."""
    function: str
    plan: str    # of the step before it


@dataclasses.dataclass
class Step:
    """The plan of one table's partitions. tables: names of the steps whose tables it joins, as t1, t2, ...; calls: functions of users, each
    with the plan before it; `plan` comes after them."""
    alias: str
    table: str
    columns: list  # whose chunks it reads
    groups: list   # of the manifest
    plan: str
    tables: list = dataclasses.field(default_factory=list)
    calls: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Plan:
    steps: list  # the last one is that of the largest table
    last: str    # the plan that puts the parts together


class Planner:
    def __init__(self, query, functions):
        self.query, self.functions = query, functions
        self.largest = self.find_largest()
        self.local = {alias: [] for alias in query.tables}  # conditions of one table
        self.edges = []                                     # (alias, column, alias, column) that are equal
        self.others = []                                    # conditions of several tables, and those that call functions
        for condition in query.conditions:
            self.sort_in(condition)

    # Tables and conditions

    def table(self, alias):
        return self.query.manifest["tables"][self.query.tables[alias]]

    def rows(self, alias):
        return self.table(alias)["rows"]

    def find_largest(self):
        """The table whose partitions are scanned: the largest; with left joins the first, whose rows all count."""
        aliases = list(self.query.tables)
        return aliases[0] if self.query.left else max(aliases, key=self.rows)

    def aliases(self, node):
        return {self.query.column(column)[0] for column in node.find_all(exp.Column)}

    def calls(self, node):
        return [call for call in node.find_all(exp.Anonymous) if self.known(call)]

    def known(self, call):
        if call.name.lower() not in self.functions:
            there = ", ".join(sorted(self.functions)) or "none is registered: --function NAME"
            refuse(call, f"there is no function '{call.name}'; functions of yours: {there}")
        return True

    def sort_in(self, condition):
        aliases = self.aliases(condition)
        left = aliases & set(self.query.left)
        if self.calls(condition) or left:
            self.others.append(condition)
        elif len(aliases) == 1:
            self.local[aliases.pop()].append(condition)
        elif len(aliases) == 2 and (edge := self.edge(condition)):
            self.edges.append(edge)
        else:
            self.others.append(condition)

    def edge(self, condition):
        if isinstance(condition, exp.EQ) and isinstance(condition.this, exp.Column) and isinstance(condition.expression, exp.Column):
            sides = [self.query.column(side)[:2] for side in (condition.this, condition.expression)]
            if sides[0][0] != sides[1][0]:
                return (*sides[0], *sides[1])
        return None

    # Columns

    def named(self, node):
        """(name, type) of a column in the largest table's step: its own columns by their names, others by alias and name."""
        alias, column, type = self.query.column(node)
        return (column if alias == self.largest else f"{alias}.{column}"), type

    def own(self, node):
        """The same in its table's own step."""
        _, column, type = self.query.column(node)
        return column, type

    def used(self, alias, nodes):
        found = {}
        for node in nodes:
            for column in node.find_all(exp.Column):
                if self.query.column(column)[0] == alias:
                    found[column.name] = True
        return list(found)

    # Steps

    def scan(self, alias, columns):
        specs = self.table(alias)["columns"]
        def form(parts):
            return "(" + " ".join(str(part) for part in parts) + ")"
        return "(scan " + " ".join(
            f"(column {quoted(column)} {form(specs[column]['physical'])} {form(specs[column]['type'])} {specs[column]['codec']} {specs[column]['nullable']})"
            for column in columns) + ")"

    def reader(self, alias):
        """Reads columns as they are needed: a function from expressions to the operators that read what was not read yet."""
        done = {}
        def read(names):
            fresh = [column for column in dict.fromkeys(names) if column not in done]
            done.update(dict.fromkeys(fresh))
            return [f"(read {' '.join(name(column) for column in fresh)})"] if fresh else []
        return read, done

    def filters(self, alias, conditions, read, translate):
        operators = []
        for condition in sorted(conditions, key=lambda condition: share(self.table(alias), condition)):
            operators += read(self.used(alias, [condition]))
            operators.append(f"(filter {translate(condition)})")
        return operators

    def small_step(self, alias, conditions, needed):
        """A table that others are joined with: its rows that fulfil its conditions, and the columns that are needed of it."""
        read, done = self.reader(alias)
        operators = self.filters(alias, conditions, read, Translator(self.own))
        operators += read(needed)
        operators.append("(project " + " ".join(f"({quoted(f'{alias}.{column}')} {name(column)})" for column in needed) + ")")
        plan = "\n".join([self.scan(alias, list(done)), *operators])
        return Step(alias, self.query.tables[alias], list(done), groups(self.table(alias), conditions), plan)

    def joins(self):
        """The other tables in the order in which they are joined: (alias, kind, [(key of what is there, key of the table)])."""
        order, there = [], {self.largest}
        waiting = [alias for alias in self.query.tables if alias != self.largest]
        while waiting:
            ready = [(self.rank(alias), alias, keys) for alias in waiting if (keys := self.keys(alias, there))]
            if not ready:
                refuse(self.query.tree, f"table {waiting[0]} is joined by no equality with the others; a cross product is not done")
            _, alias, keys = min(ready)
            order.append((alias, "left" if alias in self.query.left else "inner", keys))
            there.add(alias)
            waiting.remove(alias)
        return order

    def rank(self, alias):
        """Those that drop the most rows first; left joins, which drop none, last."""
        return (alias in self.query.left, share_of_all(self.table(alias), self.local[alias]), self.rows(alias), alias)

    def keys(self, alias, there):
        if alias in self.query.left:
            edges = [self.edge(condition) for condition in self.query.left[alias]]
            edges = [edge for edge in edges if edge]
        else:
            edges = self.edges
        keys = []
        for a, column, b, other in edges:
            if a == alias and b in there:
                keys.append(((b, other), column))
            elif b == alias and a in there:
                keys.append(((a, column), other))
        return keys

    def conditions_of(self, alias):
        """What a table's own step filters by: of a left-joined one its ON, without the keys."""
        if alias not in self.query.left:
            return self.local[alias]
        rest = [condition for condition in self.query.left[alias] if not self.edge(condition)]
        for condition in rest:
            if self.aliases(condition) != {alias}:
                refuse(condition, "of a left join, ON has equalities and conditions of the joined table")
        return rest

    def plan(self):
        results = self.query.results()
        order = self.joins()
        if len(order) > MOST_TABLES:
            refuse(self.query.tree, f"at most {MOST_TABLES + 1} tables are joined")
        needed = results + self.others
        steps = []
        read, done = self.reader(self.largest)
        translate = Translator(self.named)
        operators = self.filters(self.largest, self.local[self.largest], read, translate)
        open_conditions = [condition for condition in self.others if not self.calls(condition)]
        there = {self.largest}
        for place, (alias, kind, keys) in enumerate(order):
            payload = dict.fromkeys(self.used(alias, needed))
            payload.update(dict.fromkeys(column for other in order[place + 1:] for (owner, column), _ in other[2] if owner == alias))
            own_keys = [column for _, column in keys]
            steps.append(self.small_step(alias, self.conditions_of(alias), list(dict.fromkeys(own_keys + list(payload)))))
            probes = []
            for (owner, column), _ in keys:
                operators += read([column]) if owner == self.largest else []
                probes.append(name(column) if owner == self.largest else name(f"{owner}.{column}"))
            builds = " ".join(name(f"{alias}.{column}") for column in own_keys)
            payloads = " ".join(name(f"{alias}.{column}") for column in payload)
            operators.append(f"(join t{place + 1} {kind} ({' '.join(probes)}) ({builds}) ({payloads}))")
            there.add(alias)
            for condition in [condition for condition in open_conditions if self.aliases(condition) <= there]:
                open_conditions.remove(condition)
                operators += read(self.used(self.largest, [condition]))
                operators.append(f"(filter {translate(condition)})")
        for condition in open_conditions:
            operators += read(self.used(self.largest, [condition]))
            operators.append(f"(filter {translate(condition)})")
        operators += read(self.used(self.largest, needed))
        calls, known, operators = self.split_at_calls(operators, needed)
        part, last = finish(self.query, Translator(self.named, known), self.named)
        # A scan needs a column, if only to count rows.
        if not done:
            smallest = min(self.table(self.largest)["groups"][0]["chunks"].items(), key=lambda chunk: chunk[1][1])
            read([smallest[0]])
        scan = self.scan(self.largest, list(done))
        plans = [call.plan for call in calls]
        if calls:
            calls[0].plan = "\n".join([scan, plans[0]])
            body = "\n".join([*operators, *part])
        else:
            body = "\n".join([scan, *operators, *part])
        steps.append(Step(self.largest, self.query.tables[self.largest], list(done), groups(self.table(self.largest), self.local[self.largest]), body,
                          [alias for alias, _, _ in order], calls))
        return Plan(steps, "\n".join(["(rows t1)", *last]))

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
        columns = {self.named(column)[0]: column for node in needed for column in node.find_all(exp.Column)}
        for place, (sql, call) in enumerate(nodes.items()):
            translate = Translator(self.named, known)
            kept = [f"({quoted(column)} {name(column)})" for column in columns]
            kept += [f"({quoted(word)} {name(word)})" for word in known.values()]
            arguments = [f"(argument{i} {translate(argument)})" for i, argument in enumerate(call.expressions)]
            calls.append(Call(self.functions[call.name.lower()], "\n".join([*operators, f"(project {' '.join(kept + arguments)})"])))
            word = f"call{place}"
            kept.append(f"({word} value)")
            operators = ["(beside t1 t2)", f"(project {' '.join(kept)})"]
            known[sql] = word
        if calls:
            translate = Translator(self.named, known)
            operators += [f"(filter {translate(condition)})" for condition in self.others if self.calls(condition)]
        return calls, known, operators

def plan(sql, manifest, functions=None):
    """The plan of a query. functions: the user's, by their names in SQL. Refused says where in the query what is not done stands."""
    query = None
    try:
        query = Query(sql, manifest)
        return Planner(query, functions or {}).plan()
    except Refused as error:
        node = getattr(error, "node", None)
        raise (at(sql, offset_of(node), str(error)) if node is not None else error) from None
    except RecursionError:
        raise Refused("the query is nested too deeply") from None
