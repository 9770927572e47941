"""What the tests of Python functions share: the programs that were built, a node, and functions on it.

DANDELION names the program `dandelion`, DANDELION_SDK the SDK folder."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SDK = Path(os.environ.get("DANDELION_SDK", ROOT / ".build-sdk"))
DANDELION = os.environ.get("DANDELION", str(ROOT / ".build" / "debug" / "dandelion"))
IMAGE = SDK / "python" / "python"
LONG = "DANDELION_LONG_TESTS" in os.environ
CLASSES = ["process"] + (["kvm"] if os.access("/dev/kvm", os.R_OK | os.W_OK) else [])


class Reply:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def items(self, set):
        """{name: text} of one set of a reply in JSON."""
        return {item["ident"]: item.get("text") for found in self.json["sets"] if found["name"] == set for item in found["items"]}


def form(parts):
    """A multipart body of (set, item's name, bytes or text), and its type."""
    boundary = uuid.uuid4().hex
    body = b""
    for set, name, data in parts:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{set}"; filename="{name}"\r\n\r\n'
        body += head.encode() + (data if isinstance(data, bytes) else data.encode()) + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


class Node:
    """A node of its own, which ends with the test class."""

    def __init__(self):
        self.folder = tempfile.mkdtemp()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = open(f"{self.folder}/log", "w")
        self.process = subprocess.Popen(
            [DANDELION, "serve", "--listen", f"127.0.0.1:{self.port}", "--state", f"{self.folder}/state"],
            stdout=self.log, stderr=self.log)
        for _ in range(600):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            time.sleep(0.1)
        raise RuntimeError(Path(self.folder, "log").read_text())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def request(self, method, path, body=None, fields=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        with contextlib.closing(connection):
            connection.request(method, path, body, fields or {})
            reply = connection.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())

    def register(self, name, inputs, outputs, runs="process", memory="64MiB", timeout="30s", bound=(), image=IMAGE):
        """Registers the interpreter with items bound: (set, item's name, text)."""
        body, type = form([("image", "python", image.read_bytes()), *bound])
        query = f"inputs={','.join(inputs)}&outputs={','.join(outputs)}&class={runs}&memory={memory}&timeout={timeout}&replace=true"
        return self.request("PUT", f"/v1/functions/{name}?{query}", body, {"Content-Type": type})

    def handler(self, source, inputs=("numbers",), outputs=("out",), runs="process", name="f", more=(), **limits):
        """Registers source text as function.py."""
        return self.register(name, [*inputs, "code"], outputs, runs, bound=[("code", "function.py", source), *more], **limits)

    def invoke(self, name, parts=(), **fields):
        body, type = form(parts) if parts else (None, None)
        headers = ({"Content-Type": type} if parts else {}) | {"Accept": "application/json"} | {key.replace("_", "-"): value for key, value in fields.items()}
        return self.request("POST", f"/v1/invoke/{name}", body, headers)


@unittest.skipUnless(IMAGE.exists(), f"there is no {IMAGE}: ./dev python builds it")
class PythonTests(unittest.TestCase):
    """With a node for the whole class."""

    @classmethod
    def setUpClass(cls):
        cls.node = Node()
        cls.addClassCleanup(cls.node.stop)

    def failure(self, source, parts=(), status=422, **registration):
        """The problem document of a handler that fails."""
        made = self.node.handler(source, **registration)
        self.assertIn(made.status, (200, 201), made.text)
        reply = self.node.invoke("f", parts)
        self.assertEqual(reply.status, status, reply.text)
        return reply.json
