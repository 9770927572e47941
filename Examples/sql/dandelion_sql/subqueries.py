"""Queries in expressions that use columns of the query around them, as queries that do not: what they compare becomes a column."""

from sqlglot import exp

from .expressions import refuse
from .query import AGGREGATES, conjuncts


def aggregates(select):
    """The aggregates of a SELECT itself, not those of queries inside it."""
    return [node for node in select.walk(prune=lambda node: node is not select and isinstance(node, exp.Select))
            if isinstance(node, AGGREGATES)]


def aliases_of(select):
    sources = [select.args["from_"].this] if select.args.get("from_") else []
    return {node.alias_or_name for node in sources + [join.this for join in select.args.get("joins") or []]}


def free(node, own):
    """Columns below a node that are of no query inside it and of none of the tables `own`."""
    found = []
    for column in node.find_all(exp.Column):
        bound, part = set(own), column
        while part is not node:
            part = part.parent
            if isinstance(part, exp.Select):
                bound |= aliases_of(part)
        if column.table and column.table not in bound:
            found.append(column)
    return found


def split(select, own):
    """The parts of WHERE: the query's own; (outer, inner) expressions that are equal; the rest."""
    kept, keys, rest = [], [], []
    for condition in conjuncts(select.args["where"].this if select.args.get("where") else None):
        for part in conjuncts(condition):
            if not free(part, own):
                kept.append(part)
            elif part.find(exp.Select):
                refuse(free(part, own)[0], "a column of the outer query stands in a query inside the inner one; that is not done")
            elif pair := equal(part, own):
                keys.append(pair)
            else:
                rest.append(part)
    return kept, keys, rest


def equal(part, own):
    if not isinstance(part, exp.EQ):
        return None
    for outer, inner in ((part.this, part.expression), (part.expression, part.this)):
        columns = list(outer.find_all(exp.Column))
        if columns and len(free(outer, own)) == len(columns) and not free(inner, own) and inner.find(exp.Column):
            return outer, inner
    return None


def decorrelated(select, kind, node, outer):
    """The query without the outer one's columns; its keys (outer expression, name of a column); a condition, in which the query's columns
    have no table; and for a count what it is without rows, else None. kind: of the join; node: what a refusal is about."""
    own = aliases_of(select)
    kept, keys, rest = split(select, own)
    is_one_group = bool(aggregates(select)) and not select.args.get("group")
    is_grouped = is_one_group or bool(select.args.get("group"))
    limit = select.args.get("limit")
    refuse_what_is_not_done(select, kind, node, own, outer, keys, rest, is_grouped)
    if kind in ("single", "in") or isinstance(node, exp.In):
        if len(select.expressions) != 1:
            refuse(node, f"this query has one column, not {len(select.expressions)}")
        results = [exp.alias_(select.expressions[0].unalias(), "value")]
    else:
        if is_one_group:
            refuse(node, "an aggregate without GROUP BY always has a row: EXISTS is not done of it")
        results = []
    inner = select.copy()
    nothing = value_of_nothing(results[0].this) if results and keys and is_one_group else None
    names = [f"key{place}" for place in range(len(keys))]
    results = [exp.alias_(expression.copy(), name) for (_, expression), name in zip(keys, names)] + results
    condition, carried = carry(rest, own)
    results += carried
    inner.set("expressions", [result.copy() for result in results] or [exp.alias_(exp.Literal.number(1), "one")])
    inner.set("where", exp.Where(this=exp.and_(*(part.copy() for part in kept), copy=False)) if kept else None)
    if is_grouped and keys:
        groups = inner.args["group"].expressions if inner.args.get("group") else []
        inner.set("group", exp.Group(expressions=[*groups, *(expression.copy() for _, expression in keys)]))
    if limit is None:
        inner.set("order", None)
        if kind != "single":
            inner.set("distinct", None)
    return inner, [(outer_side, name) for (outer_side, _), name in zip(keys, names)], condition, nothing


def refuse_what_is_not_done(select, kind, node, own, outer, keys, rest, is_grouped):
    where = select.args.get("where")
    inside = {id(column) for column in where.find_all(exp.Column)} if where else set()
    for column in free(select, own):
        if id(column) not in inside:
            refuse(column, f"column {column.sql()} of the outer query stands outside WHERE in the inner one")
        if column.table not in outer:
            refuse(column, f"column {column.sql()} is of a query further outside; the next one's columns can be used")
    if (keys or rest) and (select.args.get("limit") or select.args.get("offset")):
        refuse(node, "LIMIT in a query that uses columns of the outer one is not done")
    if rest and (is_grouped or select.args.get("distinct")):
        refuse(rest[0], "beside aggregates and DISTINCT, the outer query's columns are compared by =")


def carry(rest, own):
    """The condition of a row and its match, and the query's columns that it needs, as results."""
    if not rest:
        return None, []
    names, results = {}, []
    def renamed(part):
        if not isinstance(part, exp.Column) or part.table not in own:
            return part
        if part.sql() not in names:
            names[part.sql()] = f"with{len(names)}"
            results.append(exp.alias_(part.copy(), names[part.sql()]))
        return exp.column(names[part.sql()])
    condition = exp.and_(*(part.copy().transform(renamed) for part in rest), copy=False)
    return condition, results


def value_of_nothing(expression):
    """What an expression of aggregates is without rows, when it is not NULL anyway: counts are 0."""
    if not expression.find(exp.Count):
        return None
    def empty(part):
        if isinstance(part, exp.Count):
            return exp.Literal.number(0)
        return exp.Null() if isinstance(part, AGGREGATES) else part
    return expression.copy().transform(empty)
