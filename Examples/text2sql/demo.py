#!/usr/bin/env python3
"""Asks a database in words, by a workflow on a node of this machine: demo.py [--check] [MODEL]

MODEL is the URL of an OpenAI-compatible API (http://127.0.0.1:8000/v1), or `real` for a small model on this machine; without it a
stand-in answers, which knows a few questions by heart."""

import sys


def show(workflow, address, settings, question):
    print(f"\n== {question}")
    try:
        answer, timing = workflow.ask(address, settings, question)
        print("  " + " ".join(answer["sql"].split()))
        print("  " + answer["text"].replace("\n", "\n  "))
        print(f"  attempts {answer['attempts']}; {timing['total']:.1f} ms, of which {timing['communication']:.1f} ms are the model's and the database's; "
              f"{timing['sandboxes']:.0f} sandboxes")
        return True
    except workflow.Refused as refused:
        print(f"  {refused}")
        return False


def main(arguments):
    only_check = arguments[:1] == ["--check"]
    arguments = arguments[only_check:]
    if len(arguments) > 1:
        sys.exit(f"demo: unknown argument '{arguments[1]}'; it takes one: a model's URL")
    model = arguments[0] if arguments else None
    if model not in (None, "real") and not model.startswith(("http://", "https://")):
        sys.exit(f"demo: '{model}' is no URL of a model, such as http://127.0.0.1:8000/v1, and not 'real'")
    if only_check:
        return
    # Needs packages of the Python package index, which checking arguments does not.
    import workflow
    from standin import KNOWN

    try:
        with workflow.everything(model) as (address, settings):
            print(f"The model is {'a stand-in, NO language model, that knows these questions by heart' if model is None else model if model != 'real' else 'Gemma 3 270M on this machine, which is small and often wrong'}.")
            outcomes = {question: show(workflow, address, settings, question) for question in KNOWN}
    except (workflow.Refused, RuntimeError) as error:
        sys.exit(f"demo: {error}")
    if model is None and [question for question, good in outcomes.items() if not good] != ["What is the meaning of life?"]:
        sys.exit("demo: not what was to come of it")


if __name__ == "__main__":
    main(sys.argv[1:])
