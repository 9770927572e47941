"""A SELECT taken apart: its tables, conditions, groups and results. What is not done is refused at its place."""

import sqlglot
import sqlglot.errors
from sqlglot import exp
from sqlglot.optimizer import merge_subqueries, qualify, simplify

from . import Refused
from .expressions import refuse

AGGREGATES = (exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Count)
# What is understood of each kind of node; whatever else a parser finds in one is refused, so that nothing is left out unseen.
UNDERSTOOD = {
    exp.Select: {"expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct"},
    exp.Join: {"this", "on", "side", "kind"}, exp.Table: {"this", "alias"}, exp.TableAlias: {"this"}, exp.Subquery: {"this", "alias"},
    exp.Alias: {"this", "alias"}, exp.Column: {"this", "table"}, exp.Identifier: {"this", "quoted"}, exp.Literal: {"this", "is_string"},
    exp.Group: {"expressions"}, exp.Ordered: {"this", "desc", "nulls_first"}, exp.Like: {"this", "expression", "negate"},
    exp.Between: {"this", "low", "high"}, exp.Case: {"this", "ifs", "default"}, exp.If: {"this", "true", "false"},
    exp.Cast: {"this", "to"}, exp.DataType: {"this", "expressions", "nested"}, exp.Substring: {"this", "start", "length"},
    exp.Div: {"this", "expression", "typed", "safe"}, exp.Count: {"this", "big_int"}, exp.Interval: {"this", "unit"},
    exp.Sum: {"this"}, exp.Min: {"this"}, exp.Max: {"this"}, exp.Avg: {"this"},
}


def offset_of(node):
    """Where in the text an expression begins, or None."""
    places = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    if not places and node.parent is not None:
        return offset_of(node.parent)
    return min(places) if places else None


def at(sql, offset, what):
    """The message with line, column and the place itself."""
    if offset is None:
        return Refused(what)
    begin = sql.rfind("\n", 0, offset) + 1
    end = sql.find("\n", offset)
    line = sql[begin:end if end >= 0 else len(sql)]
    column = offset - begin
    shown = max(0, column - 60)
    return Refused(f"line {sql.count(chr(10), 0, offset) + 1}, column {column + 1}: {what}\n  {line[shown:shown + 100]}\n  {' ' * (column - shown)}^")


def parse(sql):
    try:
        statements = [statement for statement in sqlglot.parse(sql, read="duckdb") if statement is not None]
    except sqlglot.errors.ParseError as error:
        first = error.errors[0]
        lines = sql.split("\n")
        offset = sum(len(line) + 1 for line in lines[:(first.get("line") or 1) - 1]) + max(0, (first.get("col") or 1) - len(first.get("highlight") or "x"))
        raise at(sql, min(offset, len(sql)), first["description"].split("<Token")[0].strip()) from None
    except sqlglot.errors.TokenError as error:
        raise Refused(f"the query cannot be read: {error}") from None
    if len(statements) != 1:
        raise Refused(f"there is one query at a time, not {len(statements)}")
    return statements[0]


def check(tree):
    """Refuses what no plan is made of, on the tree as it was written."""
    if not isinstance(tree, exp.Select):
        refuse(tree, f"only SELECT is done, not {tree.key.upper()}")
    for node in tree.walk():
        if isinstance(node, (exp.Exists, exp.Any, exp.All)):
            refuse(node, "queries in conditions are not done")
        if isinstance(node, exp.Subquery) and not isinstance(node.parent, (exp.From, exp.Join)):
            refuse(node, "queries in expressions are not done")
        if isinstance(node, exp.SetOperation):
            refuse(node, f"{node.key.upper()} is not done")
        if isinstance(node, exp.Window):
            refuse(node, "window functions are not done")
        if isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct):
            refuse(node, "COUNT(DISTINCT ...) is not done")
        if isinstance(node, exp.AggFunc) and not isinstance(node, AGGREGATES):
            refuse(node, f"the aggregate {node.key} is not done; there are sum, min, max, avg and count")
        if isinstance(node, exp.Join) and (node.side in ("RIGHT", "FULL") or node.kind in ("SEMI", "ANTI", "ASOF") or node.args.get("using")
                                           or node.method):
            refuse(node, "joins are inner, cross or left, with ON")
        understood = UNDERSTOOD.get(type(node), {"this", "expression", "expressions"})
        for key, value in node.args.items():
            if key not in understood and not key.startswith("_") and value not in (None, False, [], ""):
                what = key.strip("_").replace("_", " ").upper()
                refuse(node, f"{what} is not done" if isinstance(node, exp.Select) else f"{node.sql()[:60]}: {what} is not done")


def factored(node):
    """(a and b) or (a and c) as a and (b or c): a join's condition is often written into every branch."""
    if not isinstance(node, exp.Or):
        return [node]
    branches = [list(conjuncts(branch)) for branch in node.flatten()]
    common = [part for part in branches[0] if all(any(part == other for other in branch) for branch in branches[1:])]
    rest = [[part for part in branch if part not in common] for branch in branches]
    if not common:
        return [node]
    if not all(rest):
        return common
    return common + [exp.or_(*(exp.and_(*parts, copy=False) for parts in rest), copy=False)]


def conjuncts(node):
    """The parts of a condition that all must be true."""
    if node is None:
        return
    if isinstance(node, exp.Paren):
        yield from conjuncts(node.this)
    elif isinstance(node, exp.And):
        for part in node.flatten():
            yield from conjuncts(part)
    elif isinstance(node, exp.Or):
        yield from (part for part in factored(node))
    else:
        yield node


def named(node):
    """A result that has no name is called by its text."""
    if isinstance(node, (exp.Alias, exp.Column, exp.Star)):
        return node
    return exp.alias_(node, node.sql(dialect="duckdb").lower(), quoted=True, copy=False)


class Query:
    """tables: alias -> name in the manifest, the first one first; left: aliases that are left-joined, with their conditions;
    conditions: what must be true; select: (name, expression); group, having, order [(expression, descending, nulls first)], limit,
    offset."""

    def __init__(self, sql, manifest):
        self.sql, self.manifest = sql, manifest
        self.tree = parse(sql)
        check(self.tree)
        self.tree.set("expressions", [named(node) for node in self.tree.expressions])
        self.qualify()
        tree = self.tree
        self.tables, self.left, self.conditions = {}, {}, []
        source = tree.args.get("from_")
        if source is None:
            refuse(tree, "a query has a FROM")
        self.add_table(source.this)
        for join in tree.args.get("joins") or []:
            self.add_table(join.this)
            parts = list(conjuncts(join.args.get("on")))
            if join.side == "LEFT":
                self.left[join.this.alias_or_name] = parts
            else:
                self.conditions += parts
        if tree.args.get("where"):
            self.conditions += list(conjuncts(tree.args["where"].this))
        self.conditions = [part for condition in self.conditions for part in conjuncts(condition)]
        self.select = [(part.alias_or_name, part.unalias()) for part in tree.expressions]
        self.group = list(tree.args["group"].expressions) if tree.args.get("group") else []
        self.having = tree.args["having"].this if tree.args.get("having") else None
        self.distinct = bool(tree.args.get("distinct"))
        self.order = [self.sorted(part) for part in (tree.args["order"].expressions if tree.args.get("order") else [])]
        self.limit, self.offset = self.count("limit"), self.count("offset") or 0
        self.resolve()

    def qualify(self):
        schema = {name: {column: "unknown" for column in table["columns"]} for name, table in self.manifest["tables"].items()}
        for table in self.tree.find_all(exp.Table):
            if table.name.lower() not in schema:
                near = ", ".join(sorted(schema))
                refuse(table, f"there is no table '{table.name}'; there are {near}")
        try:
            self.tree = qualify.qualify(self.tree, schema=schema, dialect="duckdb", expand_stars=True, quote_identifiers=False)
            self.tree = merge_subqueries.merge_subqueries(self.tree)
        except sqlglot.errors.OptimizeError as error:
            text = str(error).split(". Line")[0].replace("Column '", "column '")
            raise at(self.sql, self.find(text), text) from None
        self.tree = simplify.simplify(self.tree, dialect="duckdb")
        for node in self.tree.find_all(exp.Subquery):
            refuse(node, "a query in FROM is done only when it can be merged: without aggregates, DISTINCT or LIMIT")

    def find(self, text):
        """Where a word in quotes of an error's text stands in the query."""
        word = text.split('"')[1] if text.count('"') >= 2 else text.split("'")[1] if text.count("'") >= 2 else ""
        place = self.sql.lower().find(word.split(".")[-1].lower()) if word else -1
        return place if place >= 0 else None

    def add_table(self, node):
        if not isinstance(node, exp.Table):
            refuse(node, "FROM names tables")
        self.tables[node.alias_or_name] = node.name.lower()

    def sorted(self, part):
        descending = bool(part.args.get("desc"))
        return part.this, descending, bool(part.args.get("nulls_first"))

    def count(self, clause):
        node = self.tree.args.get(clause)
        if node is None:
            return None
        if not isinstance(node.expression, exp.Literal) or node.expression.is_string:
            refuse(node, f"{clause.upper()} is a number")
        return int(node.expression.this)

    def resolve(self):
        """ORDER BY and HAVING may name results."""
        results = dict(self.select)
        def replaced(node):
            if isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit() and 1 <= int(node.this) <= len(self.select):
                return self.select[int(node.this) - 1][1].copy()
            def one(part):
                is_result = isinstance(part, exp.Column) and not part.table and part.name in results
                return results[part.name].copy() if is_result else part
            return node.copy().transform(one)
        self.order = [(replaced(node), descending, nulls_first) for node, descending, nulls_first in self.order]
        if self.having is not None:
            self.having = replaced(self.having) if not isinstance(self.having, exp.Literal) else self.having
        self.group = [replaced(node) for node in self.group]

    def column(self, node):
        """(alias, name, type) of a column."""
        alias = node.table or next(iter(self.tables))
        return alias, node.name, self.manifest["tables"][self.tables[alias]]["columns"][node.name]["type"]

    def results(self):
        """All expressions behind FROM and WHERE."""
        nodes = [node for _, node in self.select] + self.group + [node for node, _, _ in self.order]
        return nodes + ([self.having] if self.having is not None else [])
