"""The end of a query: groups, order and results; what each part does of it, and what the last step does."""

from sqlglot import exp

from .expressions import Translator, quoted, refuse
from .query import AGGREGATES, conjuncts


def finish(block, translate, late_joins):
    """The operators at the end of a part, and those that put the parts together. translate: expressions where the parts end; late_joins:
    the operators that join lookups with groups, given what groups have as columns."""
    sums = {}
    for node in block.results() + [outer for lookup in block.lookups if lookup.late for outer, _ in lookup.keys]:
        for sum_ in ([node] if isinstance(node, AGGREGATES) else []) + list(node.find_all(*AGGREGATES)):
            sums[sum_.sql()] = sum_
    for sum_ in sums.values():
        for inner in sum_.this.find_all(*AGGREGATES) if sum_.this else []:
            refuse(inner, "an aggregate stands within another one")
    if not sums and not block.group and not block.distinct:
        return plain(block, translate)
    groups = block.group or ([node for _, node in block.select] if block.distinct and not sums else [])
    keys = {}
    for node in groups:
        for sum_ in ([node] if isinstance(node, AGGREGATES) else []) + list(node.find_all(*AGGREGATES)):
            refuse(sum_, "GROUP BY has no aggregates")
        keys.setdefault(node.sql(), (f"key{len(keys)}", node))
    known = {sql: word for sql, (word, _) in keys.items()} | {sql: f"sum{place}" for place, sql in enumerate(sums)}
    parts, last = aggregation(keys, sums, translate)
    last += late_joins(known)
    def column(node):
        refuse(node, f"column {node.sql()} stands in no GROUP BY and in no aggregate")
    after = Translator(column, translate.kinds, known)
    if block.having is not None:
        last += [f"(filter {after.truth(condition)})" for condition in conjuncts(block.having)]
    return parts, last + ordered(block, after)


def aggregation(keys, sums, translate):
    """Groups of a part, and groups of the parts' groups. What is taken once goes along as further keys of the parts' groups."""
    once = {}
    for sum_ in sums.values():
        if is_once(sum_):
            argument = sum_.this.expressions[0]
            once.setdefault(argument.sql(), (f"once{len(once)}", argument))
    part, whole = [], []
    for place, sum_ in enumerate(sums.values()):
        word = f"sum{place}"
        if is_once(sum_):
            whole += whole_of_once(word, sum_, once[sum_.this.expressions[0].sql()][0])
        else:
            part += part_of(word, sum_, translate)
            whole += whole_of(word, sum_)
    part_keys = [*keys.values(), *once.values()]
    parts = [f"(aggregate ({' '.join(f'({word} {translate(node)})' for word, node in part_keys)}) ({' '.join(part)}))"]
    last = [f"(aggregate ({' '.join(f'({word} {word})' for word, _ in keys.values())}) ({' '.join(whole)}))"]
    if any(isinstance(sum_, (exp.Avg, exp.Count)) for sum_ in sums.values()):
        words = [f"({word} {word})" for word, _ in keys.values()]
        last.append(f"(project {' '.join(words + [value_of(f'sum{place}', sum_) for place, sum_ in enumerate(sums.values())])})")
    return parts, last


def is_once(sum_):
    """Whether it takes each value once; for the least and the largest that is no matter."""
    return isinstance(sum_.this, exp.Distinct) and not isinstance(sum_, (exp.Min, exp.Max))


def value_of(word, sum_):
    if isinstance(sum_, exp.Avg):
        return f"({word} (/ {word} {word}.count))"
    # Of no parts' groups at all the count is 0.
    return f"({word} (case (isnull {word}) 0 (cast (integer 19) {word})))" if isinstance(sum_, exp.Count) else f"({word} {word})"


def part_of(word, node, translate):
    if isinstance(node, exp.Count):
        return [f"({word} count)" if isinstance(node.this, exp.Star) else f"({word} count {translate(node.this)})"]
    function = "sum" if isinstance(node, exp.Avg) else node.key
    argument = translate(node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this)
    return [f"({word} {function} {argument})"] + ([f"({word}.count count {argument})"] if isinstance(node, exp.Avg) else [])


def whole_of(word, node):
    function = node.key if isinstance(node, (exp.Min, exp.Max)) else "sum"
    return [f"({word} {function} {word})"] + ([f"({word}.count sum {word}.count)"] if isinstance(node, exp.Avg) else [])


def whole_of_once(word, node, argument):
    if isinstance(node, exp.Count):
        return [f"({word} count {argument} distinct)"]
    return [f"({word} sum {argument} distinct)"] + ([f"({word}.count count {argument} distinct)"] if isinstance(node, exp.Avg) else [])


def ordered(query, translate):
    """Projects the results, sorted: sort keys that are no results are dropped behind the sort."""
    names = unique([word for word, _ in query.select])
    project = [f"({quoted(word)} {translate(node)})" for word, (_, node) in zip(names, query.select)]
    places = {node.sql(): word for word, (_, node) in zip(names, query.select)}
    keys = []
    for place, (node, descending, nulls_first) in enumerate(query.order):
        word = places.get(node.sql())
        if word is None:
            if query.distinct:
                refuse(node, "with DISTINCT, ORDER BY names results")
            word = f"order by {place}"
            project.append(f"({quoted(word)} {translate(node)})")
        keys.append(f"({quoted(word)} {'desc' if descending else 'asc'} {'first' if nulls_first else 'last'})")
    operators = [f"(project {' '.join(project)})"]
    if query.limit is not None or query.offset:
        operators.append(f"(top {10**15 if query.limit is None else query.limit} {query.offset} {' '.join(keys)})")
    elif keys:
        operators.append(f"(sort {' '.join(keys)})")
    if len(project) > len(names):
        operators.append("(project " + " ".join(f"({quoted(word)} (column {quoted(word)}))" for word in names) + ")")
    return operators


def plain(query, translate):
    """Without groups: the parts have the rows, as few as LIMIT allows."""
    if query.having is not None:
        refuse(query.having, "HAVING goes with groups")
    nodes = {}
    for node in [node for _, node in query.select] + [node for node, _, _ in query.order]:
        nodes.setdefault(node.sql(), (f"value{len(nodes)}", node))
    part = ["(project " + " ".join(f"({word} {translate(node)})" for word, node in nodes.values()) + ")"]
    if query.limit is not None:
        keys = [f"({nodes[node.sql()][0]} {'desc' if descending else 'asc'} {'first' if first else 'last'})" for node, descending, first in query.order]
        part.append(f"(top {query.limit + query.offset} 0 {' '.join(keys)})")
    return part, ordered(query, Translator(translate.column, translate.kinds, {sql: word for sql, (word, _) in nodes.items()}))


def unique(words):
    """Names of results, each once: a name that comes again gets a number."""
    seen, result = {}, []
    for word in words:
        seen[word] = seen.get(word, 0) + 1
        result.append(word if seen[word] == 1 else f"{word}_{seen[word]}")
    return result
