"""The workflow on a node: its functions and composition, its servers on this machine, and asking it."""

import contextlib
import json
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

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
    if not running.PYTHON.exists():
        raise Refused(f"there is no {running.PYTHON}: ./dev python builds it")
    image = running.PYTHON.read_bytes()
    with Node(address) as client:
        for name, (inputs, outputs) in STEPS.items():
            code = [("function.py", (HERE / f"steps/{name.lower()}.py").read_bytes()), ("common.py", (HERE / "steps/common.py").read_bytes())]
            running.register(client, name, inputs, {"image": [("image", image)], "code": code}, outputs=outputs)
        status, _, reply = client.send("PUT", "/v1/compositions/Text2SQL", (HERE / "text2sql.dandelion").read_bytes(), {"Content-Type": "application/octet-stream"})
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


@contextlib.contextmanager
def standin(folder):
    """The stand-in for a model: the URL of its API."""
    port = running.free_port()
    with running.process([sys.executable, str(HERE / "standin.py"), str(port)], Path(folder, "standin.log"), port):
        yield f"http://127.0.0.1:{port}/v1"


@contextlib.contextmanager
def everything(model=None):
    """Node, database and model (the stand-in without one): the address of the node and the settings."""
    with tempfile.TemporaryDirectory() as folder, database(folder) as tables, contextlib.ExitStack() as stack:
        api = model or stack.enter_context(standin(folder))
        address, _ = stack.enter_context(running.node(Path(folder, "node")))
        register(address)
        yield address, settings_of(address, api, tables)
