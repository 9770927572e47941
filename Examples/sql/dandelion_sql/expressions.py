"""Expressions of SQL as the operators take them: (+ lo_revenue 1)."""

import datetime
import re

from sqlglot import exp

from . import Refused

DATE = "a date"  # the kind (kinds.py) of what a text beside it is taken for
UNKNOWN = "(= 1 null)"  # NULL as a boolean
EPOCH = datetime.date(1970, 1, 1)
COMPARISONS = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
ARITHMETIC = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def name(word):
    """A column's name as an expression."""
    return word if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", word) and word not in ("null", "true", "false") else f"(column {quoted(word)})"


def refuse(node, what):
    """What cannot be done, with the node, whose place in the query `planner.explain` adds."""
    error = Refused(what)
    error.node = node
    raise error


def number(node, text):
    if re.fullmatch(r"\d+", text):
        return text
    if match := re.fullmatch(r"(\d*)\.(\d*)", text):
        return f"(decimal {int(match[1] + match[2] or '0')} {len(match[2])})"
    if re.fullmatch(r"[\d.]+[eE][+-]?\d+", text):
        return f'(real "{text}")'
    refuse(node, f"'{text}' is no number that is understood")


def day(node, text):
    try:
        return datetime.date.fromisoformat(text.strip())
    except ValueError:
        refuse(node, f"'{text}' is no date; dates are 1994-12-31")


def moved(date, amount, unit):
    """A date so many days, weeks, months or years later."""
    if unit in ("DAY", "WEEK"):
        return date + datetime.timedelta(amount * (7 if unit == "WEEK" else 1))
    months = date.year * 12 + date.month - 1 + amount * {"YEAR": 12, "QUARTER": 3, "MONTH": 1}[unit]
    first = datetime.date(months // 12, months % 12 + 1, 1)
    following = datetime.date((months + 1) // 12, (months + 1) % 12 + 1, 1)
    return first + datetime.timedelta(min(date.day, (following - first).days) - 1)


def days(interval):
    """How many days an interval beside a column is."""
    unit = str(interval.args.get("unit") or "DAY").upper().rstrip("S")
    amount = interval.this.this if isinstance(interval.this, exp.Literal) else ""
    if not re.fullmatch(r"-?\d{1,9}", str(amount)) or unit not in ("DAY", "WEEK"):
        refuse(interval, "beside a column, an interval is a whole number of days or weeks; beside a date in the query it may be months, too")
    return int(amount) * (7 if unit == "WEEK" else 1)


def constant_date(node):
    """The date that an expression of constants stands for, or None."""
    if isinstance(node, exp.Paren):
        return constant_date(node.this)
    if isinstance(node, exp.Cast) and node.to.this == exp.DType.DATE and isinstance(node.this, exp.Literal):
        return day(node, node.this.this)
    if isinstance(node, (exp.Add, exp.Sub)) and isinstance(node.expression, exp.Interval):
        date, interval = constant_date(node.this), node.expression
        unit = str(interval.args.get("unit") or "DAY").upper().rstrip("S")
        if date is None:
            return None
        amount = interval.this.this if isinstance(interval.this, exp.Literal) else ""
        if not re.fullmatch(r"-?\d+", str(amount)) or unit not in ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR"):
            refuse(interval, "an interval is a whole number of days, weeks, months, quarters or years")
        return moved(date, int(amount) * (1 if isinstance(node, exp.Add) else -1), unit)
    return None


class Translator:
    """Turns expressions into the operators' form. `column(node)` gives the name of a column, `kinds` the kind of an expression; `known`:
    what other expressions, by their SQL, are columns already."""

    def __init__(self, column, kinds, known=None):
        self.column, self.kinds, self.known = column, kinds, {} if known is None else known

    def __call__(self, node):
        if (sql := node.sql()) in self.known:
            return name(self.known[sql])
        if (date := constant_date(node)) is not None:
            return f"(date {(date - EPOCH).days})"
        method = getattr(self, "of_" + type(node).__name__.lower(), None)
        if method:
            return method(node)
        if type(node) in COMPARISONS:
            return self.compare(COMPARISONS[type(node)], node.this, node.expression)
        if isinstance(node, (exp.Add, exp.Sub)) and isinstance(node.expression, exp.Interval):
            return f"({ARITHMETIC[type(node)]} {self(node.this)} {days(node.expression)})"
        if type(node) in ARITHMETIC:
            return f"({ARITHMETIC[type(node)]} {self(node.this)} {self(node.expression)})"
        refuse(node, f"{node.sql()[:60]}: no operator does this")

    def truth(self, node):
        """A condition: NULL is a boolean there."""
        return UNKNOWN if isinstance(node, exp.Null) else self(node)

    def compare(self, sign, left, right):
        if isinstance(left, exp.Null) or isinstance(right, exp.Null):
            return UNKNOWN
        sides = [self.side(left, right), self.side(right, left)]
        return f"({sign} {sides[0]} {sides[1]})"

    def side(self, node, other):
        """A side of a comparison: a text beside a date is a date."""
        if isinstance(node, exp.Literal) and node.is_string and self.kinds(other) == DATE:
            return f"(date {(day(node, node.this) - EPOCH).days})"
        return self(node)

    def of_column(self, node):
        return name(self.column(node))

    def of_literal(self, node):
        return quoted(node.this) if node.is_string else number(node, node.this)

    def of_paren(self, node):
        return self(node.this)

    def of_alias(self, node):
        return self(node.this)

    def of_null(self, node):
        return "null"

    def of_boolean(self, node):
        return "true" if node.this else "false"

    def of_neg(self, node):
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            text = self(node.this)
            return "-" + text if text.isdigit() else re.sub(r"^\((decimal |real \")", r"(\1-", text)
        return f"(- 0 {self(node.this)})"

    def of_and(self, node):
        return "(and " + " ".join(self.truth(part) for part in node.flatten()) + ")"

    def of_or(self, node):
        return "(or " + " ".join(self.truth(part) for part in node.flatten()) + ")"

    def of_not(self, node):
        return f"(not {self.truth(node.this)})"

    def of_between(self, node):
        value = node.this
        return f"(and {self.compare('>=', value, node.args['low'])} {self.compare('<=', value, node.args['high'])})"

    def of_in(self, node):
        if node.args.get("query") or not node.expressions:
            refuse(node, "IN takes a list of values; a query in it is not done")
        tests = [self.compare("=", node.this, value) for value in node.expressions]
        return tests[0] if len(tests) == 1 else f"(or {' '.join(tests)})"

    def of_is(self, node):
        if not isinstance(node.expression, exp.Null):
            refuse(node, "IS is for NULL only")
        return f"(isnull {self(node.this)})"

    def of_like(self, node):
        if not isinstance(node.expression, exp.Literal) or not node.expression.is_string:
            refuse(node, "LIKE takes a text as its pattern")
        test = f"(like {quoted(node.expression.this)} {self(node.this)})"
        return f"(not {test})" if node.args.get("negate") else test

    def of_case(self, node):
        parts = []
        for branch in node.args["ifs"]:
            test = self.compare("=", node.this, branch.this) if node.this else self.truth(branch.this)
            parts += [test, self(branch.args["true"])]
        return f"(case {' '.join(parts)} {self(node.args['default']) if node.args.get('default') else 'null'})"

    def of_if(self, node):
        return f"(case {self.truth(node.this)} {self(node.args['true'])} {self(node.args['false']) if node.args.get('false') else 'null'})"

    def of_coalesce(self, node):
        parts = [node.this, *node.expressions]
        tests = " ".join(f"(not (isnull {self(part)})) {self(part)}" for part in parts[:-1])
        return f"(case {tests} {self(parts[-1])})" if tests else self(parts[0])

    def of_cast(self, node):
        kinds = {"INT": "(integer 19)", "BIGINT": "(integer 19)", "SMALLINT": "(integer 19)", "DOUBLE": "(double)", "FLOAT": "(double)"}
        to = node.to.this.name
        if to == "DECIMAL":
            digits, scale = ([int(part.sql()) for part in node.to.expressions] + [18, 3][len(node.to.expressions):])[:2]
            return f"(cast (decimal {digits} {scale}) {self(node.this)})"
        if to not in kinds:
            refuse(node, f"there is no cast to {node.to.sql()}")
        return f"(cast {kinds[to]} {self(node.this)})"

    def of_extract(self, node):
        part = node.this.name.lower()
        if part not in ("year", "month", "day"):
            refuse(node, "EXTRACT gives year, month or day")
        return f"({part} {self(node.expression)})"

    def of_year(self, node):
        return f"(year {self.dated(node.this)})"

    def of_month(self, node):
        return f"(month {self.dated(node.this)})"

    def of_day(self, node):
        return f"(day {self.dated(node.this)})"

    def dated(self, node):
        return self(node.this if isinstance(node, (exp.TsOrDsToDate, exp.Cast)) and not isinstance(node.this, exp.Literal) else node)

    def of_substring(self, node):
        start, length = node.args.get("start"), node.args.get("length")
        if not isinstance(start, exp.Literal) or not (length is None or isinstance(length, exp.Literal)):
            refuse(node, "SUBSTRING takes numbers as start and length")
        return f"(substring {start.this} {length.this if length else 1000000000} {self(node.this)})"
