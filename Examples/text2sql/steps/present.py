"""Step 5: the answer; or, when there is none at the first attempt, a request to the node to run the workflow once more."""

import json

from common import Problem, request, status_of
from dandelion import ItemSet, Outputs, handler


def problem_of(heads, bodies, told):
    """What is wrong with the database's answer, or None."""
    if "problem" in told:
        return told["problem"]
    status = status_of(heads[0])
    if status == 200:
        return None
    try:
        return f"the database answered {status}: {json.loads(bodies[0].data)['error']}"
    except (ValueError, KeyError, TypeError):
        return f"the database answered {status}"


def table(rows):
    """The rows as text, a line each."""
    if not rows:
        return "nothing"
    names = list(rows[0])
    lines = ["\t".join("" if row[name] is None else str(row[name]) for name in names) for row in rows]
    return lines[0] if len(names) == 1 and len(rows) == 1 else "\n".join(["\t".join(names), *lines])


@handler
def present(question: ItemSet, settings: ItemSet, heads: ItemSet = None, bodies: ItemSet = None, problems: ItemSet = None) -> Outputs:
    given, told = settings[0].json(), problems[0].json()
    problem = problem_of(heads, bodies, told)
    if problem is None:
        rows = bodies[0].json()
        return Outputs(answer={"question": question[0].text.strip(), "sql": told["sql"], "rows": rows, "text": table(rows), "attempts": 2 if "attempt" in given else 1})
    if "attempt" in given:
        raise Problem(f"the model gave no SQL that answers the question, in two attempts: {problem}; it said: {told['sql'][:500]}")
    given["attempt"] = {"sql": told["sql"], "problem": problem}
    schema = given["schema_request"]
    sets = [{"name": "question", "items": [{"text": question[0].text}]}, {"name": "settings", "items": [{"text": json.dumps(given)}]},
            {"name": "schema", "items": [{"text": schema}]}]
    return Outputs(requests=request("POST", f"{given['node'].rstrip('/')}/v1/invoke/Text2SQL", {"sets": sets}))
