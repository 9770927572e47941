"""Step 3: the SQL in the model's words, as a request to the database; or what is wrong with them."""

import re
from urllib.parse import urlencode

from common import Problem, expect, request
from dandelion import ItemSet, Outputs, handler

BLOCK = re.compile(r"```(?:sql|sqlite)?\s*\n?(.*?)```", re.S | re.I)


def sql_of(words):
    """The first statement that the words hold, or None."""
    block = BLOCK.search(words)
    text = block[1] if block else words
    start = re.search(r"\b(select|with)\b", text, re.I)
    statement = text[start.start():].split(";")[0].strip() if start else ""
    return statement if len(statement.split()) >= 2 and (block or re.match(r"(?i)select\b.*\bfrom\b|with\b.*\bselect\b|select\s+[\d'(]", statement, re.S)) else None


@handler
def extract(settings: ItemSet, heads: ItemSet, bodies: ItemSet) -> Outputs:
    answer = expect(heads, bodies, "the model")
    try:
        words = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise Problem("the model's answer has no choices[0].message.content") from None
    sql = sql_of(words or "")
    if sql is None:
        return Outputs(problems={"sql": words or "", "problem": "the answer holds no SELECT statement"})
    query = urlencode({"sql": sql, "_shape": "array"})
    return Outputs(requests=request("GET", f"{settings[0].json()['database']}.json?{query}"), problems={"sql": sql})
