#!/usr/bin/env python3
"""Asks a model that has tools, on a node of this machine: demo.py [--check] [MODEL]

MODEL is the URL of an OpenAI-compatible API (http://127.0.0.1:8000/v1) whose model can call tools; without it a stand-in answers, which
knows what to do with a few questions."""

import sys
from pathlib import Path

PICTURES = Path(__file__).resolve().parents[2] / ".build-sql/pictures"


def show(conversation, address, model, question):
    print(f"\n== {question}")
    try:
        answer, timing = conversation.ask(address, model, question)
    except conversation.Refused as refused:
        print(f"  {refused}")
        return False
    for call in answer["calls"]:
        print(f"  {call['tool']}({call['arguments']}) -> {str(call['result'])[:100]}")
    print(f"  {answer['text']}")
    for number, picture in enumerate(answer["pictures"]):
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{number}.svg"
        path.write_text(picture)
        print(f"  a picture: {path}")
    print(f"  {answer['turns']} turns; {timing['total']:.1f} ms")
    return True


def main(arguments):
    only_check = arguments[:1] == ["--check"]
    arguments = arguments[only_check:]
    if len(arguments) > 1:
        sys.exit(f"demo: unknown argument '{arguments[1]}'; it takes one: a model's URL")
    model = arguments[0] if arguments else None
    if model is not None and not model.startswith(("http://", "https://")):
        sys.exit(f"demo: '{model}' is no URL of a model, such as http://127.0.0.1:8000/v1")
    if only_check:
        return
    # Needs packages of the Python package index, which checking arguments does not.
    import conversation
    from standin_with_tools import KNOWN

    try:
        with conversation.everything(model) as (address, api):
            print(f"The model is {'a stand-in, NO language model, that knows what to do here' if model is None else model}.")
            outcomes = {question: show(conversation, address, api, question) for question in KNOWN}
    except (conversation.Refused, RuntimeError) as error:
        sys.exit(f"demo: {error}")
    if model is None and [question for question, good in outcomes.items() if not good] != ["Which town is the best?"]:
        sys.exit("demo: not what was to come of it")


if __name__ == "__main__":
    main(sys.argv[1:])
