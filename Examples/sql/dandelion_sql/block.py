"""A SELECT taken apart: where its rows come from, conditions, groups and results. The queries inside it are blocks of their own, which
are joined with its rows."""

import dataclasses

from sqlglot import exp

from .expressions import refuse
from .kinds import ANY, BOOLEAN, OF_COLUMNS, Kinds
from .query import AGGREGATES, conjuncts, offset_of
from .subqueries import aggregates, aliases_of, decorrelated, free


@dataclasses.dataclass
class Lookup:
    """A query in an expression, joined with the rows as `alias`. keys: (an expression of the rows, a column of the query) that are equal;
    condition: what else must hold of a row and its match. After grouping when it is late."""
    alias: str
    kind: str  # of the operators' join
    block: "Block"
    keys: list
    condition: exp.Expression | None
    late: bool


def is_correlated(select):
    return bool(free(select, aliases_of(select)))


def is_equal(compared, value):
    return exp.EQ(this=compared.copy(), expression=value.copy())


def is_unknown(compared, value):
    """Whether comparing them gives NULL."""
    return exp.or_(exp.Is(this=compared.copy(), expression=exp.Null()), exp.Is(this=value.copy(), expression=exp.Null()))


class Block:
    """tables: alias -> name in the manifest, or the block of a query in FROM; the first one first; left: aliases that are left-joined,
    with their conditions; conditions: what must be true; lookups: queries in expressions; select: (name, expression); group, having,
    order [(expression, descending, nulls first)], limit, offset."""

    def __init__(self, tree, manifest, views, counter):
        """views: the blocks that WITH names; counter: numbers for the aliases of lookups."""
        self.tree, self.manifest, self.views, self.counter = tree, manifest, dict(views), counter
        self.tables, self.left, self.conditions, self.lookups = {}, {}, [], []
        self.uses = 0
        self.value_of_nothing = None  # of a query that stands for a value: what a count is without rows
        self.step = None  # of its planner, where several queries have it
        for cte in tree.args["with_"].expressions if tree.args.get("with_") else []:
            self.views[cte.alias] = Block(cte.this, manifest, self.views, counter)
        self.is_grouped = bool(tree.args.get("group") or aggregates(tree))
        self.read_from()
        if tree.args.get("where"):
            self.conditions += list(conjuncts(tree.args["where"].this))
        self.conditions = [part for condition in self.conditions for part in conjuncts(condition)]
        self.conditions = [left for condition in self.conditions if (left := self.lifted_condition(condition)) is not None]
        self.select = [(part.alias_or_name, self.lifted(part.unalias())) for part in tree.expressions]
        self.group = [self.lifted(node, early=True) for node in (tree.args["group"].expressions if tree.args.get("group") else [])]
        self.having = self.lifted(tree.args["having"].this) if tree.args.get("having") else None
        self.distinct = bool(tree.args.get("distinct"))
        self.order = [self.sorted(part) for part in (tree.args["order"].expressions if tree.args.get("order") else [])]
        self.limit, self.offset = self.count("limit"), self.count("offset") or 0
        self.resolve()
        self.check_kinds()

    # FROM

    def read_from(self):
        source = self.tree.args.get("from_")
        if source is None:
            refuse(self.tree, "a query has a FROM")
        self.add_table(source.this)
        for place, join in enumerate(self.tree.args.get("joins") or []):
            if join.side == "RIGHT" and place > 0:
                refuse(join, "RIGHT JOIN joins the first two tables; write the others as LEFT JOIN")
            self.add_table(join.this)
            parts = [part for condition in conjuncts(join.args.get("on")) for part in conjuncts(condition)]
            for part in parts:
                if part.find(exp.Select):
                    refuse(part, "a query in ON is not done; WHERE can have it")
                for column in part.find_all(exp.Column):
                    if column.table and column.table not in self.tables:
                        refuse(column, f"column {column.sql()} is of a table that is joined later")
            if join.side == "RIGHT":
                first, second = self.tables
                self.tables = {second: self.tables[second], first: self.tables[first]}
                self.left[first] = parts
            elif join.side == "LEFT":
                self.left[join.this.alias_or_name] = parts
            else:
                self.conditions += parts

    def add_table(self, node):
        alias = node.alias_or_name
        if isinstance(node, exp.Subquery):
            self.tables[alias] = Block(node.this, self.manifest, self.views, self.counter)
        elif isinstance(node, exp.Table):
            self.tables[alias] = self.views.get(node.name, node.name.lower())
        else:
            refuse(node, "FROM names tables and queries")
        if isinstance(self.tables[alias], Block):
            self.tables[alias].uses += 1

    # Queries in expressions

    def lifted_condition(self, node):
        """A condition of WHERE without its queries; None when a join says it all."""
        inner, negated = node, False
        while isinstance(inner, (exp.Not, exp.Paren)):
            negated ^= isinstance(inner, exp.Not)
            inner = inner.this
        if isinstance(inner, exp.Exists):
            self.look_up("anti" if negated else "semi", inner.this, inner, False)
            return None
        if isinstance(inner, exp.In) and inner.args.get("query"):
            query, compared = inner.args["query"], self.lifted(inner.this, early=True)
            if not negated:
                self.look_up("semi", query, inner, False, compared)
                return None
            if is_correlated(query.this):
                self.look_up("anti", query, inner, False, also=lambda value: exp.or_(is_equal(compared, value), is_unknown(compared, value)))
                return None
        return self.lifted(node, early=True)

    def lifted(self, node, early=False):
        """An expression in which columns stand for its queries."""
        if isinstance(node, exp.Exists):
            return self.found(self.look_up("exists", node.this, node, self.is_late(node, early)), "found", node)
        if isinstance(node, exp.In) and node.args.get("query"):
            return self.membership(node, self.is_late(node, early), self.lifted(node.this, early))
        if isinstance(node, exp.Subquery):
            return self.value_of(node, self.is_late(node, early))
        for child in list(node.iter_expressions()):
            new = self.lifted(child, early or isinstance(node, AGGREGATES))
            if new is not child:
                child.replace(new)
        return node

    def is_late(self, node, early):
        return self.is_grouped and not early

    def found(self, lookup, name, node):
        column = exp.column(name, table=lookup.alias)
        column.meta["start"] = offset_of(node) or 0
        return column

    def membership(self, node, late, compared):
        """Whether a value is one of a query's; NULL where a NULL could be one."""
        query = node.args["query"]
        if not is_correlated(query.this):
            return self.found(self.look_up("in", query, node, late, compared), "found", node)
        tests = [self.look_up("exists", query, node, late, also=lambda value: condition(compared, value)) for condition in (is_equal, is_unknown)]
        yes, perhaps = [self.found(lookup, "found", node) for lookup in tests]
        branches = [exp.If(this=yes, true=exp.true()), exp.If(this=perhaps, true=exp.Null())]
        return exp.Case(ifs=branches, default=exp.false())

    def value_of(self, node, late):
        lookup = self.look_up("single", node, node, late)
        value = self.found(lookup, "value", node)
        # Without rows there is no group, but a count is 0.
        empty = lookup.block.value_of_nothing
        if empty is None or not lookup.keys:
            return value
        nothing = exp.Is(this=self.found(lookup, lookup.keys[0][1], node), expression=exp.Null())
        return exp.Case(ifs=[exp.If(this=nothing, true=empty)], default=value)

    def look_up(self, kind, query, node, late, compared=None, also=None):
        """compared: what is equal to the query's value; also: a further condition, given the value."""
        select = query.this if isinstance(query, exp.Subquery) else query
        if not isinstance(select, exp.Select):
            refuse(node, "a query in an expression is one SELECT")
        inner, keys, condition, nothing = decorrelated(select, kind, node, set(self.tables))
        block = Block(inner, self.manifest, self.views, self.counter)
        block.value_of_nothing = nothing
        block.uses += 1
        if also is not None:
            more = also(exp.column("value"))
            condition = more if condition is None else exp.and_(condition, more)
        if compared is not None:
            keys = [(compared, "value"), *keys]
        alias = f"query{next(self.counter)}"
        if condition is not None:
            for column in condition.find_all(exp.Column):
                if not column.table:
                    column.set("table", exp.to_identifier(alias))
        lookup = Lookup(alias, kind, block, keys, condition, late)
        self.lookups.append(lookup)
        return lookup

    # Results

    def sorted(self, part):
        return self.lifted(part.this), bool(part.args.get("desc")), bool(part.args.get("nulls_first"))

    def count(self, clause):
        node = self.tree.args.get(clause)
        if node is None:
            return None
        number = node.expression
        if not isinstance(number, exp.Literal) or number.is_string or not number.this.isdigit() or len(number.this) > 15:
            refuse(node, f"{clause.upper()} is a whole number of at most 15 digits")
        return int(number.this)

    def resolve(self):
        """GROUP BY, ORDER BY and HAVING may name results."""
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

    def results(self):
        """All expressions behind FROM and WHERE."""
        nodes = [node for _, node in self.select] + self.group + [node for node, _, _ in self.order]
        return nodes + ([self.having] if self.having is not None else [])

    # Columns

    def lookup(self, alias):
        return next((lookup for lookup in self.lookups if lookup.alias == alias), None)

    def column(self, node):
        """(alias, name) of a column."""
        return node.table or next(iter(self.tables)), node.name

    def kind_of(self, node):
        alias, name = self.column(node)
        if name == "found" and self.lookup(alias):
            return BOOLEAN
        source = self.lookup(alias).block if self.lookup(alias) else self.tables.get(alias)
        if source is None:
            refuse(node, f"column {node.sql()} is of a query further outside; the next one's columns can be used")
        if isinstance(source, Block):
            return source.kind_of_result(name)
        columns = self.manifest["tables"][source]["columns"]
        if name not in columns:
            refuse(node, f"there is no column '{name}' here")
        return OF_COLUMNS[columns[name]["type"][0]]

    def kind_of_result(self, name):
        return next((Kinds(self.kind_of)(node) for word, node in self.select if word == name), ANY)

    def check_kinds(self):
        kinds = Kinds(self.kind_of)
        conditions = self.conditions + [part for parts in self.left.values() for part in parts]
        for sum_ in [sum_ for condition in conditions for sum_ in condition.find_all(*AGGREGATES)]:
            refuse(sum_, "an aggregate stands in SELECT, HAVING and ORDER BY")
        for condition in conditions + ([self.having] if self.having is not None else []):
            kinds.condition(condition)
        for node in self.results():
            kinds(node)
        for lookup in self.lookups:
            if lookup.condition is not None:
                kinds.condition(lookup.condition)
            for outer, inner in lookup.keys:
                kinds.compared(outer, outer, self.found(lookup, inner, outer))
