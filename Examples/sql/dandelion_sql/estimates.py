"""What is known of a condition beforehand: which share of the rows it keeps, and which partitions cannot fulfil it."""

from sqlglot import exp

from .expressions import EPOCH, constant_date

SOME = 20  # different values of a column that was not counted


def share(table, condition):
    """About which share of a table's rows fulfils a condition."""
    columns = table["columns"]
    if isinstance(condition, exp.EQ):
        distinct = [columns[column.name].get("distinct") for column in condition.find_all(exp.Column)]
        return 1 / max([count or SOME for count in distinct] or [SOME])
    if isinstance(condition, exp.In):
        distinct = [columns[column.name].get("distinct") for column in condition.find_all(exp.Column)]
        return min(1, len(condition.expressions) / max([count or SOME for count in distinct] or [SOME]))
    if isinstance(condition, exp.Or):
        return min(1, sum(share(table, part) for part in condition.flatten()))
    if isinstance(condition, exp.And):
        return share_of_all(table, condition.flatten())
    if isinstance(condition, exp.Paren):
        return share(table, condition.this)
    return 0.25 if isinstance(condition, (exp.Between, exp.Like)) else 0.4


def share_of_all(table, conditions):
    """The same for several conditions that all must be true."""
    product = 1
    for condition in conditions:
        product *= share(table, condition)
    return product


def groups(table, conditions):
    """The row groups that can hold rows for the conditions; one is kept, so that there is a table."""
    kept = [group for group in table["groups"] if all(possible(group, condition) for condition in conditions)]
    return kept or table["groups"][:1]


def possible(group, condition):
    """Whether a row group can hold rows for the condition, by its least and largest values."""
    if isinstance(condition, exp.Between):
        column, tests = condition.this, [(exp.GTE, condition.args["low"]), (exp.LTE, condition.args["high"])]
    elif isinstance(condition, (exp.EQ, exp.LT, exp.LTE, exp.GT, exp.GTE)):
        column, tests = condition.this, [(type(condition), condition.expression)]
    else:
        return True
    if not isinstance(column, exp.Column):
        return True
    _, _, least, largest = group["chunks"][column.name]
    for test, node in tests:
        value = constant(node)
        if value is None or least is None or largest is None:
            continue
        if (test in (exp.EQ, exp.LTE) and value < least or test in (exp.EQ, exp.GTE) and value > largest
                or test is exp.LT and value <= least or test is exp.GT and value >= largest):
            return False
    return True


def constant(node):
    """The whole number that an expression is, of a date its days since 1970-01-01; or None."""
    if isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit():
        return int(node.this)
    date = constant_date(node)
    return (date - EPOCH).days if date else None
