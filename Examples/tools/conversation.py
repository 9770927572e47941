"""A model with tools on a node: functions, composition, servers on this machine, and asking."""

import contextlib
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "text2sql"))
from workflow import Node, Refused, model_at, node_for, register_steps  # noqa: E402

# Each function's inputs and outputs, as turn.dandelion declares them.
STEPS = {
    "Ask": ("state,code", "requests"),
    "Choose": ("state,heads,bodies,code", "said,expressions,lookups,plots,answer"),
    "Calculate": ("expressions,code", "results"),
    "LookUp": ("lookups,table,code", "results"),
    "Plot": ("plots,code", "results,pictures"),
    "Continue": ("state,said,calculated,found,drawn,pictures,code", "requests"),
    "Finish": ("heads,bodies,code", "answer"),
}
TURNS = 5  # at most


def register(address):
    """Registers functions and composition, the table bound to the function that looks up."""
    files = {name: HERE / f"steps/{name.lower()}.py" for name in STEPS} | {"Finish": HERE.parent / "text2sql/steps/finish.py"}
    table = {"LookUp": {"table": [("towns.csv", (HERE / "towns.csv").read_bytes())]}}
    register_steps(address, STEPS, files, "Turn", HERE / "turn.dandelion", table)


def ask(address, model, question, turns=TURNS, model_name="default"):
    """The answer as a document (text, pictures, calls, turns), and where the time went. Refused: what became of it."""
    state = {"model": model, "model_name": model_name, "node": address, "most": turns, "turn": 1,
             "messages": [{"role": "user", "content": question}] if question.strip() else [], "calls": [], "pictures": []}
    with Node(address) as client:
        data, timing = client.invoke("Turn", {"state": [("state", 0, json.dumps(state).encode())]})
    return json.loads(data), timing


@contextlib.contextmanager
def everything(model=None):
    """Node and model (`model_at`): the node's address and the model's URL."""
    with tempfile.TemporaryDirectory() as folder, model_at(model, folder, HERE / "standin_with_tools.py") as api, \
            node_for(model, api, Path(folder, "node")) as address:
        register(address)
        yield address, api
