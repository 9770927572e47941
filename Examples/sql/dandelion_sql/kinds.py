"""What kind of value an expression has, so that a query which mixes them up is told where, in its own words."""

from sqlglot import exp

from .expressions import ARITHMETIC, COMPARISONS, DATE, day, refuse

NUMBER, TEXT, BOOLEAN, NULL, ANY = "a number", "a text", "a boolean", "NULL", "anything"
OF_COLUMNS = {"integer": NUMBER, "decimal": NUMBER, "double": NUMBER, "text": TEXT, "date": DATE, "boolean": BOOLEAN}


def together(node, kinds):
    """The kind of values that stand for each other; a refusal at the node where they do not."""
    known = [kind for kind in dict.fromkeys(kinds) if kind not in (NULL, ANY)]
    if len(known) > 1:
        refuse(node, f"{known[0]} and {known[1]} do not go together in {shown(node)}")
    return known[0] if known else ANY if ANY in kinds else NULL


def shown(node):
    text = node.sql(dialect="duckdb")
    return text if len(text) <= 60 else text[:57] + "..."


class Kinds:
    """`column(node)` gives the kind of a column."""

    def __init__(self, column):
        self.column = column

    def __call__(self, node):
        method = getattr(self, "of_" + type(node).__name__.lower(), None)
        if method:
            return method(node)
        if type(node) in COMPARISONS:
            return self.compared(node, node.this, node.expression)
        if type(node) in ARITHMETIC:
            return self.arithmetic(node)
        for child in node.iter_expressions():
            self(child)
        return ANY

    def expect(self, node, wanted, whose):
        kind = self(node)
        if kind not in (wanted, NULL, ANY):
            refuse(node, f"{whose} takes {wanted}; {shown(node)} is {kind}")
        return wanted

    def condition(self, node):
        """Of WHERE, ON, HAVING and CASE."""
        self.expect(node, BOOLEAN, "a condition")

    def compared(self, node, *parts):
        kinds = [self(part) for part in parts]
        # A text beside a date is a date.
        if DATE in kinds:
            for place, part in enumerate(parts):
                if isinstance(part, exp.Literal) and part.is_string:
                    day(part, part.this)
                    kinds[place] = DATE
        together(node, kinds)
        return BOOLEAN

    def arithmetic(self, node):
        left, right = self(node.this), self(node.expression)
        if left == DATE and isinstance(node, (exp.Add, exp.Sub)):
            if isinstance(node.expression, exp.Interval) or right in (NUMBER, NULL, ANY):
                return DATE
            if right == DATE and isinstance(node, exp.Sub):
                return NUMBER
        for part, kind in ((node.this, left), (node.expression, right)):
            if kind not in (NUMBER, NULL, ANY):
                refuse(part, f"{ARITHMETIC[type(node)]} does not take {kind}: {shown(node)}")
        return NUMBER

    def of_column(self, node):
        return self.column(node)

    def of_literal(self, node):
        return TEXT if node.is_string else NUMBER

    def of_null(self, node):
        return NULL

    def of_boolean(self, node):
        return BOOLEAN

    def of_paren(self, node):
        return self(node.this)

    of_alias = of_paren

    def of_anonymous(self, node):
        for part in node.expressions:
            self(part)
        return ANY

    def of_and(self, node):
        for part in node.flatten():
            self.condition(part)
        return BOOLEAN

    of_or = of_and

    def of_not(self, node):
        self.condition(node.this)
        return BOOLEAN

    def of_neg(self, node):
        return self.expect(node.this, NUMBER, "-")

    def of_between(self, node):
        return self.compared(node, node.this, node.args["low"], node.args["high"])

    def of_in(self, node):
        return self.compared(node, node.this, *node.expressions)

    def of_is(self, node):
        self(node.this)
        return BOOLEAN

    def of_like(self, node):
        self.expect(node.this, TEXT, "LIKE")
        return BOOLEAN

    def of_case(self, node):
        for branch in node.args["ifs"]:
            if node.this:
                self.compared(node, node.this, branch.this)
            else:
                self.condition(branch.this)
        values = [branch.args["true"] for branch in node.args["ifs"]] + ([node.args["default"]] if node.args.get("default") else [])
        return together(node, [self(value) for value in values])

    def of_if(self, node):
        self.condition(node.this)
        return together(node, [self(node.args[word]) for word in ("true", "false") if node.args.get(word)])

    def of_coalesce(self, node):
        return together(node, [self(part) for part in (node.this, *node.expressions)])

    def of_cast(self, node):
        name, kind = node.to.this.name, self(node.this)
        if name == "DATE" and isinstance(node.this, exp.Literal):
            day(node, node.this.this)
        elif kind not in (NUMBER, NULL, ANY):
            refuse(node, f"there is no cast of {kind} to {node.to.sql()}: {shown(node)}")
        return DATE if name == "DATE" else TEXT if name in ("TEXT", "VARCHAR") else BOOLEAN if name == "BOOLEAN" else NUMBER

    def of_extract(self, node):
        self.expect(node.expression, DATE, "EXTRACT")
        return NUMBER

    def part_of_date(self, node):
        inner = node.this
        while isinstance(inner, exp.TsOrDsToDate) or isinstance(inner, exp.Cast) and not isinstance(inner.this, exp.Literal):
            inner = inner.this
        self.expect(inner, DATE, node.key.upper())
        return NUMBER

    of_year = of_month = of_day = part_of_date

    def of_substring(self, node):
        return self.expect(node.this, TEXT, "SUBSTRING")

    def of_sum(self, node):
        return self.expect(self.argument(node), NUMBER, node.key.upper())

    of_avg = of_sum

    def of_min(self, node):
        return self(self.argument(node))

    of_max = of_min

    def of_count(self, node):
        if not isinstance(node.this, exp.Star):
            self(self.argument(node))
        return NUMBER

    @staticmethod
    def argument(node):
        return node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
