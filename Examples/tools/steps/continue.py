"""Step 3: the next turn: what the model said, what the tools gave, and a request to the node to run the composition with that."""

import json

from common import request
from dandelion import ItemSet, handler


@handler
def go_on(state: ItemSet, said: ItemSet, calculated: ItemSet = (), found: ItemSet = (), drawn: ItemSet = (), pictures: ItemSet = ()) -> bytes:
    given, spoken = state.only.json(), said.only.json()
    results = {item.name: item.json() for some in (calculated, found, drawn) for item in some}
    calls = [{"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": json.dumps(call["arguments"] or {})}} for call in spoken["calls"]]
    given["messages"].append({"role": "assistant", "content": spoken["content"], "tool_calls": calls})
    for call in spoken["calls"]:
        result = {"error": call["problem"]} if call["problem"] else results.get(call["id"], {"error": "the tool gave nothing"})
        given["messages"].append({"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)})
        given["calls"].append({"tool": call["name"], "arguments": call["arguments"], "result": result})
    given["pictures"] += [item.text for item in pictures]
    given["turn"] += 1
    return request("POST", f"{given['node'].rstrip('/')}/v1/invoke/Turn", {"sets": [{"name": "state", "items": [{"text": json.dumps(given)}]}]})
