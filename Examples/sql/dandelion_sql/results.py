"""The end of a query: groups, order and results; what each part does of it, and what the last step does."""

from sqlglot import exp

from .expressions import Translator, quoted, refuse
from .query import AGGREGATES, conjuncts


def finish(query, translate, named):
    """The operators at the end of a part, and those that put the parts together. translate: expressions where the parts end; named:
    (name, type) of a column there."""
    sums = {}
    for node in query.results():
        for sum_ in ([node] if isinstance(node, AGGREGATES) else []) + list(node.find_all(*AGGREGATES)):
            sums[sum_.sql()] = sum_
    for condition in query.conditions:
        for sum_ in condition.find_all(*AGGREGATES):
            refuse(sum_, "an aggregate stands in SELECT, HAVING and ORDER BY")
    if not sums and not query.group and not query.distinct:
        return plain(query, translate, named)
    groups = query.group or ([node for _, node in query.select] if query.distinct and not sums else [])
    keys = {}
    for node in groups:
        keys.setdefault(node.sql(), (f"key{len(keys)}", node))
    part, whole, known = [], [], {sql: word for sql, (word, _) in keys.items()}
    for place, (sql, sum_) in enumerate(sums.items()):
        known[sql] = f"sum{place}"
        part += part_of(f"sum{place}", sum_, translate)
        whole += whole_of(f"sum{place}", sum_)
    means = [f"(sum{place} (/ sum{place} sum{place}.count))" for place, sum_ in enumerate(sums.values()) if isinstance(sum_, exp.Avg)]
    counts = [f"(sum{place} (cast (integer 19) sum{place}))" for place, sum_ in enumerate(sums.values()) if isinstance(sum_, exp.Count)]
    parts = [f"(aggregate ({' '.join(f'({word} {translate(node)})' for word, node in keys.values())}) ({' '.join(part)}))"]
    last = [f"(aggregate ({' '.join(f'({word} {word})' for word, _ in keys.values())}) ({' '.join(whole)}))"]
    if means or counts:
        same = [f"({word} {word})" for word, _ in keys.values()]
        same += [f"(sum{place} sum{place})" for place, sum_ in enumerate(sums.values()) if not isinstance(sum_, (exp.Avg, exp.Count))]
        last.append(f"(project {' '.join(same + means + counts)})")
    def column(node):
        refuse(node, f"column {node.sql()} stands in no GROUP BY and in no aggregate")
    after = Translator(column, known)
    if query.having is not None:
        last += [f"(filter {after(condition)})" for condition in conjuncts(query.having)]
    return parts, last + ordered(query, after)


def part_of(word, node, translate):
    if isinstance(node, exp.Count):
        return [f"({word} count)" if isinstance(node.this, exp.Star) else f"({word} count {translate(node.this)})"]
    function = "sum" if isinstance(node, exp.Avg) else node.key
    if isinstance(node.this, exp.Distinct):
        refuse(node, f"{node.key.upper()}(DISTINCT ...) is not done")
    parts = [f"({word} {function} {translate(node.this)})"]
    return parts + ([f"({word}.count count {translate(node.this)})"] if isinstance(node, exp.Avg) else [])


def whole_of(word, node):
    function = node.key if isinstance(node, (exp.Min, exp.Max)) else "sum"
    return [f"({word} {function} {word})"] + ([f"({word}.count sum {word}.count)"] if isinstance(node, exp.Avg) else [])


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


def plain(query, translate, named):
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
    return part, ordered(query, Translator(named, {sql: word for sql, (word, _) in nodes.items()}))


def unique(words):
    """Names of results, each once: a name that comes again gets a number."""
    seen, result = {}, []
    for word in words:
        seen[word] = seen.get(word, 0) + 1
        result.append(word if seen[word] == 1 else f"{word}_{seen[word]}")
    return result
