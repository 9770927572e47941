"""Step 2: what the model said: an answer, or calls of tools, each of which becomes an item for its tool's function."""

import json

from common import Problem, expect
from dandelion import Item, Items, ItemSet, Outputs, handler

SETS = {"calculate": "expressions", "look_up": "lookups", "plot": "plots"}
MOST_CALLS = 8  # of one turn


def arguments_of(call):
    """The name and the arguments of a call, whatever the model made of them; or what is wrong with it."""
    function = call.get("function") if isinstance(call, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if name not in SETS:
        return name, None, f"there is no tool '{name}'; there are {', '.join(SETS)}"
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except (ValueError, TypeError) as error:
        return name, None, f"the arguments are no JSON: {error}"
    return (name, arguments, None) if isinstance(arguments, dict) else (name, None, "the arguments are no object")


@handler
def choose(state: ItemSet, heads: ItemSet, bodies: ItemSet) -> Outputs:
    given, document = state.only.json(), expect(heads, bodies, "the model")
    try:
        message = document["choices"][0]["message"]
        words, calls = message.get("content") or "", message.get("tool_calls") or []
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Problem("the model's answer has no choices[0].message") from None
    if not calls:
        if not words.strip():
            raise Problem("the model said nothing and called nothing")
        answer = {"text": words.strip(), "pictures": given["pictures"], "calls": given["calls"], "turns": given["turn"]}
        return Outputs(answer=answer)
    if given["turn"] >= given["most"]:
        names = ", ".join(str(arguments_of(call)[0]) for call in calls)
        raise Problem(f"there is no answer after {given['most']} turns; the model still calls {names}")
    said, items = [], {name: [] for name in SETS.values()}
    for place, call in enumerate(calls):
        # Names of our own: a model may give one twice, or none.
        identity = f"call-{given['turn']}-{place}"
        name, arguments, problem = arguments_of(call)
        if place >= MOST_CALLS:
            problem = f"at most {MOST_CALLS} calls are made at once"
        said.append({"id": identity, "name": str(name), "arguments": arguments, "problem": problem})
        if problem is None:
            items[SETS[name]].append(Item(arguments, name=identity))
    return Outputs(said={"content": words, "calls": said}, **{name: Items(some) for name, some in items.items()})
