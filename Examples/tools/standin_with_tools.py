#!/usr/bin/env python3
"""NOT A LANGUAGE MODEL: a stand-in with the interface of one that calls tools, for tests and for the demo without a model. It knows what
to do with a few questions, and refuses requests that are not as a model's server wants them: standin_with_tools.py PORT"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "text2sql"))
import standin  # noqa: E402


def call(name, **arguments):
    return name, json.dumps(arguments)


def rows(result):
    return result["rows"]


# Question -> what is said in each turn, by the results of all calls so far: calls, or a text.
KNOWN = {
    "What is 12.5 percent of 2480?": [
        lambda _: [call("calculate", expression="2480 * 12.5 / 100")],
        lambda results: f"It is {results[0]['value']:g}."],
    "How much warmer is Castelmar than Aldersund?": [
        lambda _: [call("look_up", column="town", equals="Castelmar"), call("look_up", column="town", equals="Aldersund")],
        lambda results: [call("calculate", expression=f"{rows(results[0])[0]['celsius']} - {rows(results[1])[0]['celsius']}")],
        lambda results: f"Castelmar is {results[2]['value']:g} degrees warmer."],
    "Draw the rain of Northland's towns.": [
        lambda _: [call("look_up", column="country", equals="Northland")],
        lambda results: [call("plot", title="Rain in mm", labels=[row["town"] for row in rows(results[0])], values=[row["rain_mm"] for row in rows(results[0])])],
        lambda results: "Brekkavik has by far the most."],
    # What is wrong with a call comes back as its result.
    "What is one divided by nothing?": [
        lambda _: [call("calculate", expression="1 / 0"), call("teleport", to="Mars"), ("calculate", "no JSON")],
        lambda results: "That cannot be computed: " + "; ".join(result["error"] for result in results)],
    # Never an answer.
    "Which town is the best?": [lambda _: [call("look_up")]] * 100,
}


def message(body):
    """The answer to a request's body; ValueError: what is wrong with it."""
    first, *messages = body["messages"]
    if first["role"] != "system" or messages[0]["role"] != "user":
        raise ValueError("a system's message and a question come first")
    if sorted(tool["function"]["name"] for tool in body["tools"]) != ["calculate", "look_up", "plot"] or body.get("temperature") != 0:
        raise ValueError("three tools and temperature 0 are expected")
    results = [json.loads(now["content"]) for now in messages if now["role"] == "tool"]
    called = [one["id"] for now in messages if now["role"] == "assistant" for one in now["tool_calls"]]
    answered = [now["tool_call_id"] for now in messages if now["role"] == "tool"]
    if called != answered or len(set(called)) != len(called):
        raise ValueError(f"the calls {called} were answered by {answered}")
    turns = KNOWN.get(messages[0]["content"], [lambda _: "I do not know."])
    said = turns[sum(now["role"] == "assistant" for now in messages)](results)
    if isinstance(said, str):
        return {"role": "assistant", "content": said}
    # All calls have one name, as those of some models' servers have.
    calls = [{"id": "the-call", "type": "function", "function": {"name": name, "arguments": arguments}} for name, arguments in said]
    return {"role": "assistant", "content": None, "tool_calls": calls}


class Handler(standin.Handler):
    message = staticmethod(message)


if __name__ == "__main__":
    standin.serve(Handler)
