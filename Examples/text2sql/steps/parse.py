"""Step 1: the prompt for the model, of the question and the tables of the database."""

from common import Problem, expect, request
from dandelion import ItemSet, handler

INSTRUCTION = "You translate questions into SQL for SQLite. Answer with one SELECT statement in a block that begins with ```sql and ends with ```, and nothing else."


@handler
def parse(question: ItemSet, settings: ItemSet, heads: ItemSet, bodies: ItemSet) -> bytes:
    given = settings[0].json()
    text = question[0].text.strip()
    if not text:
        raise Problem("the question is empty")
    tables = [row["sql"] for row in expect(heads, bodies, "the database") if row.get("sql")]
    if not tables:
        raise Problem("the database has no tables")
    messages = [
        {"role": "system", "content": INSTRUCTION},
        {"role": "user", "content": "The tables:\n\n" + ";\n".join(tables) + f";\n\nThe question: {text}"},
    ]
    if before := given.get("attempt"):
        messages += [
            {"role": "assistant", "content": before["sql"]},
            {"role": "user", "content": f"That did not work: {before['problem']}\nAnswer the question again, without this mistake."},
        ]
    body = {"model": given["model_name"], "messages": messages, "temperature": 0, "max_tokens": 300}
    return request("POST", given["model"].rstrip("/") + "/chat/completions", body)
