"""Step 1: the request to the model, with what was said so far and the tools that it may call.

The state of a conversation, one JSON object: `model` (the URL of an OpenAI-compatible API), `model_name`, `node` (this node's URL, for the
next turn), `most` (turns), `turn` (from 1 on), `messages`, and what goes into the answer: `calls` and `pictures`."""

from common import Problem, request
from dandelion import ItemSet, handler


def tool(name, description, **parameters):
    properties = {key: {"type": kind, "description": words} if kind != "array" else {"type": kind, "description": words, "items": {}}
                  for key, (kind, words) in parameters.items()}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": {"type": "object", "properties": properties}}}


TOOLS = [
    tool("calculate", "Computes an expression of numbers.", expression=("string", "such as (1 + 2) * sqrt(9) / max(4, 5)")),
    tool("look_up", "Rows of the table of towns: town, country, people, celsius, rain_mm.",
         column=("string", "the column to look in; left out, all rows come"), equals=("string", "the value that it has in the rows")),
    tool("plot", "Draws bars as a picture for the user.", title=("string", "stands above"), labels=("array", "of texts, one for each bar"),
         values=("array", "of numbers, one for each bar")),
]
INSTRUCTION = "Answer the user's question. Call tools for what you have to compute, look up or draw; answer in one sentence when you know enough."


@handler
def ask(state: ItemSet) -> bytes:
    given = state.only.json()
    if not given["messages"]:
        raise Problem("there is no question")
    body = {"model": given["model_name"], "messages": [{"role": "system", "content": INSTRUCTION}, *given["messages"]], "tools": TOOLS,
            "temperature": 0, "max_tokens": 500}
    return request("POST", given["model"].rstrip("/") + "/chat/completions", body)
