"""The workflow on a node: its functions and composition, its servers on this machine, and asking it."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode, urlsplit

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "sql"))
import running  # noqa: E402
from dandelion_sql import Refused  # noqa: E402
from dandelion_sql.node import Node  # noqa: E402

# Each step's inputs and outputs, as text2sql.dandelion declares them.
STEPS = {
    "Parse": ("question,settings,heads,bodies,code", "requests"),
    "Extract": ("settings,heads,bodies,code", "requests,problems"),
    "Present": ("question,settings,heads,bodies,problems,code", "answer,requests"),
    "Finish": ("heads,bodies,code", "answer"),
}
SCHEMA = {"sql": "select sql from sqlite_master where type = 'table' order by name", "_shape": "array"}


def register(address):
    """Registers steps and composition."""
    files = {name: HERE / f"steps/{name.lower()}.py" for name in STEPS}
    register_steps(address, STEPS, files, "Text2SQL", HERE / "text2sql.dandelion")


def register_steps(address, steps, files, name, composition, more=None):
    """Registers functions in Python (steps: their inputs and outputs) and the composition of them; more: further items that are bound to
    inputs, {function: {input: [(name, bytes)]}}."""
    if not running.PYTHON.exists():
        raise Refused(f"there is no {running.PYTHON}: ./dev python builds it")
    image = running.PYTHON.read_bytes()
    common = ("common.py", (HERE / "steps/common.py").read_bytes())
    with Node(address) as client:
        for step, (inputs, outputs) in steps.items():
            parts = {"image": [("image", image)], "code": [("function.py", files[step].read_bytes()), common]} | (more or {}).get(step, {})
            running.register(client, step, inputs, parts, outputs=outputs)
        status, _, reply = client.send("PUT", f"/v1/compositions/{name}", composition.read_bytes(), {"Content-Type": "application/octet-stream"})
        if status not in (200, 201):
            raise Refused(client.problem(reply))


def settings_of(address, model, database, model_name="default"):
    schema = f"GET {database}.json?{urlencode(SCHEMA)} HTTP/1.1\r\n\r\n"
    return {"model": model, "model_name": model_name, "database": database, "node": address, "schema_request": schema}


def ask(address, settings, question):
    """The answer as a document, and where the time went. Refused: what became of it."""
    inputs = {"question": [("question", 0, question.encode())], "settings": [("settings", 0, json.dumps(settings).encode())],
              "schema": [("schema", 0, settings["schema_request"].encode())]}
    with Node(address) as client:
        data, timing = client.invoke("Text2SQL", inputs)
    return json.loads(data), timing


@contextlib.contextmanager
def database(folder):
    """Datasette with the library's database: its URL."""
    sys.path.insert(0, str(HERE))
    from database import make

    folder, port, datasette = Path(folder), running.free_port(), running.tool("datasette")
    if datasette is None:
        raise RuntimeError("datasette is missing: pip install -r Examples/text2sql/requirements.txt")
    make(folder / "library.db")
    command = [datasette, "serve", "--immutable", str(folder / "library.db"), "--host", "127.0.0.1", "--port", str(port)]
    with running.process(command, folder / "datasette.log", port, {"DATASETTE_SECRET": "for this run only"}):
        yield f"http://127.0.0.1:{port}/library"


KEY = "only the operator knows this key of the model's"


@contextlib.contextmanager
def standin(folder, program=HERE / "standin.py"):
    """The stand-in for a model, which wants a key: the URL of its API."""
    port = running.free_port()
    with running.process([sys.executable, str(program), str(port)], Path(folder, "standin.log"), port, {"STANDIN_KEY": KEY}):
        yield f"http://127.0.0.1:{port}/v1"


@contextlib.contextmanager
def real_model(folder):
    """A small language model on this machine: the URL of its API."""
    python = Path(os.environ.get("DANDELION_MODEL", running.ROOT / ".build-sql/model")) / "bin/python"
    if not python.exists():
        raise RuntimeError("there is no model on this machine; ./dev demo text2sql real fetches it")
    command, pipe = [python, HERE / "realmodel.py", folder], subprocess.PIPE
    with open(Path(folder, "model.log"), "wb") as log, subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True) as child:
        # It serves until nobody holds the other end.
        with child.stdin:
            url = child.stdout.readline().strip()
            if not url:
                raise RuntimeError(f"the model's server did not start:\n{Path(folder, 'model.log').read_text(errors='replace')[-2000:]}")
            yield url


@contextlib.contextmanager
def model_at(model, folder, program=HERE / "standin.py"):
    """The URL of a model's API: as it is given, of the model on this machine (`real`), or of a stand-in (None)."""
    if model not in (None, "real"):
        yield model
        return
    with real_model(folder) if model else standin(folder, program) as url:
        yield url


@contextlib.contextmanager
def node_for(model, api, folder):
    """A node, which has the key of the stand-in's API where there is no other model: its address. Functions never see the key."""
    with running.node(folder) as (address, _):
        if model is None:
            running.set_secret(folder, "model", urlsplit(api).netloc, "Authorization: Bearer {}", KEY)
        yield address


@contextlib.contextmanager
def everything(model=None):
    """Node, database and model (`model_at`): the address of the node and the settings."""
    with tempfile.TemporaryDirectory() as folder, database(folder) as tables, model_at(model, folder) as api, \
            node_for(model, api, Path(folder, "node")) as address:
        register(address)
        yield address, settings_of(address, api, tables)
