"""A query's text as a tree whose columns are known. What is not done is refused at its place."""

import logging
import re

import sqlglot
import sqlglot.errors
from sqlglot import exp
from sqlglot.optimizer import merge_subqueries, qualify, simplify
from sqlglot.tokens import TokenType

from . import Refused
from .expressions import refuse

# What it warns of is refused here.
logging.getLogger("sqlglot").setLevel(logging.ERROR)
AGGREGATES = (exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Count)
# What is understood of each kind of node; whatever else a parser finds in one is refused, so that nothing is left out unseen.
UNDERSTOOD = {
    exp.Select: {"expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "with_"},
    exp.With: {"expressions"}, exp.CTE: {"this", "alias"}, exp.In: {"this", "expressions", "query"}, exp.Distinct: {"expressions"},
    exp.Join: {"this", "on", "side", "kind", "using"}, exp.Table: {"this", "alias"}, exp.TableAlias: {"this", "columns"},
    exp.Subquery: {"this", "alias"},
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


def told(description):
    """A parser's error without its own names."""
    if "Required keyword" in description:
        return "something is missing here"
    return description.split("<Token")[0].split("<class")[0].strip()


LISTS_BEGIN = (TokenType.L_PAREN, TokenType.SELECT, TokenType.DISTINCT, TokenType.FROM, TokenType.GROUP_BY, TokenType.ORDER_BY, TokenType.COMMA)
LISTS_END = (TokenType.R_PAREN, TokenType.FROM, TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING, TokenType.ORDER_BY, TokenType.LIMIT,
             TokenType.JOIN, TokenType.SEMICOLON)


def check_tokens(sql):
    """Refuses what the parser would overlook: commas with nothing beside them, brackets that do not match, BETWEEN without AND."""
    tokens = sqlglot.tokenize(sql, read="duckdb")
    open_ = []     # brackets
    betweens = []  # their tokens, and how deep they stand
    for place, token in enumerate(tokens):
        before = tokens[place - 1].token_type if place else None
        if token.token_type == TokenType.COMMA and before in LISTS_BEGIN or token.token_type in LISTS_END and before == TokenType.COMMA:
            raise at(sql, token.start, "something is missing here, or a comma is too many")
        if token.token_type == TokenType.L_PAREN:
            open_.append(token)
        elif token.token_type == TokenType.BETWEEN:
            betweens.append((token, len(open_)))
        elif token.token_type == TokenType.AND and betweens and betweens[-1][1] == len(open_):
            betweens.pop()
        elif token.token_type == TokenType.R_PAREN:
            if not open_:
                raise at(sql, token.start, "a ')' too many")
            open_.pop()
            if betweens and betweens[-1][1] > len(open_):
                raise at(sql, betweens[-1][0].start, "BETWEEN has an AND")
    if open_:
        raise at(sql, open_[-1].start, "the ')' of this is missing")
    if betweens:
        raise at(sql, betweens[-1][0].start, "BETWEEN has an AND")
    if len(tokens) > 1 and tokens[-1].token_type == TokenType.COMMA:
        raise at(sql, tokens[-1].start, "something is missing here, or a comma is too many")


def parse(sql):
    try:
        check_tokens(sql)
        statements = [statement for statement in sqlglot.parse(sql, read="duckdb") if statement is not None]
    except sqlglot.errors.ParseError as error:
        first = error.errors[0]
        lines = sql.split("\n")
        offset = sum(len(line) + 1 for line in lines[:(first.get("line") or 1) - 1]) + max(0, (first.get("col") or 1) - len(first.get("highlight") or "x"))
        raise at(sql, min(offset, len(sql)), told(first["description"])) from None
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
        if isinstance(node, exp.Select) and not node.expressions:
            refuse(node, "a SELECT has at least one result")
        if isinstance(node, (exp.Any, exp.All)):
            refuse(node, f"{node.key.upper()} is not done; x IN (query) is what x = ANY (query) is")
        if isinstance(node, exp.SetOperation):
            refuse(node, f"{node.key.upper()} is not done")
        if isinstance(node, exp.Window):
            refuse(node, "window functions are not done")
        if isinstance(node, AGGREGATES) and node.this is None:
            refuse(node, f"{node.key.upper()} takes a value")
        if isinstance(node, exp.Distinct) and isinstance(node.parent, AGGREGATES) and len(node.expressions) != 1:
            refuse(node, "DISTINCT in an aggregate takes one value")
        if isinstance(node, exp.AggFunc) and not isinstance(node, AGGREGATES):
            refuse(node, f"the aggregate {node.key} is not done; there are sum, min, max, avg and count")
        if isinstance(node, exp.Join) and (node.side == "FULL" or node.kind in ("SEMI", "ANTI", "ASOF") or node.method):
            refuse(node, "joins are inner, cross, left or right, with ON or USING")
        understood = UNDERSTOOD.get(type(node), {"this", "expression", "expressions"})
        if type(node) not in UNDERSTOOD and any(value for key, value in node.args.items() if key not in understood):
            refuse(node, f"{node.sql()[:60]}: no operator does this")
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


def read(sql, manifest):
    """A query's tree: its tables and columns are there, and every column says of which table it is."""
    tree = parse(sql)
    check(tree)
    tree.set("expressions", [named(node) for node in tree.expressions])
    return qualified(tree, sql, manifest)


def qualified(tree, sql, manifest):
    views = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    schema = {name: {column: "unknown" for column in table["columns"]} for name, table in manifest["tables"].items()}
    for table in tree.find_all(exp.Table):
        if table.name.lower() not in schema and table.name.lower() not in views:
            refuse(table, f"there is no table '{table.name}'; there are {', '.join(sorted(schema))}")
    try:
        tree = qualify.qualify(tree, schema=schema, dialect="duckdb", expand_stars=True, quote_identifiers=False)
        tree = merge_subqueries.merge_subqueries(tree)
    except sqlglot.errors.OptimizeError as error:
        raise unresolved(str(error), sql, tree, manifest) from None
    except (KeyError, AttributeError, IndexError, TypeError, ValueError):
        # What sqlglot makes of some mistakes, such as a table without a name.
        raise Refused("the query cannot be understood: a table or a column has no name, or stands where it cannot") from None
    return simplify.simplify(tree, dialect="duckdb")


def unresolved(text, sql, tree, manifest):
    """A refusal of a column that is in none of the tables, or in several; other errors are told as they come."""
    found = re.match(r"(?:Column|Unknown column:) '?\"?(?:\w+\.)?\"?([^'\"]+)", text)
    if not found:
        return Refused(text)
    column = found[1].strip().rstrip(".").lower()
    place = re.search(rf"(?<![\w.]){re.escape(column)}\b", sql.lower()) or re.search(rf"\b{re.escape(column)}\b", sql.lower())
    tables = [manifest["tables"].get(table.name.lower()) for table in tree.find_all(exp.Table)]
    if "for table" not in text and sum(column in table["columns"] for table in tables if table) > 1:
        told = f"column '{column}' is in several tables; say of which, as in TABLE.{column}"
    else:
        told = f"there is no column '{column}' here"
    return at(sql, place.start() if place else None, told)
