#!/usr/bin/env python3
"""Runs scripts of increasing malice on a node of this machine, and shows what became of each.

    demo.py [CLASS]          the function class (default); expects what `./dev demo python` builds
    demo.py --check [CLASS]  only checks the arguments

DANDELION names another program than that of a release build, DANDELION_SDK another SDK folder."""

import ast
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DANDELION = os.environ.get("DANDELION", str(ROOT / ".build/release/dandelion"))
IMAGE = Path(os.environ.get("DANDELION_SDK", ROOT / ".build-sdk"), "python/python")
LIMIT = "1s"


def form(parts):
    boundary = uuid.uuid4().hex
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{set}"; filename="{name}"\r\n\r\n'.encode() + data + b"\r\n"
        for set, name, data in parts)
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": "application/json"}


def send(address, method, path, body, fields):
    """Status and document of a request, and how long it took, ms."""
    request = urllib.request.Request(address + path, data=body, method=method, headers=fields)
    begun = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=120) as reply:
            status, text = reply.status, reply.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text), (time.perf_counter() - begun) * 1000


@contextlib.contextmanager
def node(folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open(f"{folder}/log", "w") as log:
        process = subprocess.Popen(
            [DANDELION, "serve", "--listen", f"127.0.0.1:{port}", "--state", f"{folder}/state"], stdout=log, stderr=log)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            if process.poll() is not None:
                sys.exit("demo: the node did not start:\n" + Path(folder, "log").read_text())
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def show(text, most=6):
    lines = text.splitlines()
    for line in lines[:most]:
        print("    " + line[:150])
    if len(lines) > most:
        print(f"    ... {len(lines) - most} more lines")


def tell(status, document):
    if status == 200:
        for set in document["sets"]:
            for item in set["items"]:
                if text := item.get("text"):
                    print(f"  {set['name']}/{item['ident']}:")
                    show(text, 12)
        return
    print(f"  {status}: {document['detail'].split(chr(10))[0][:160]}")
    if text := document.get("stdout"):
        print("  stdout:")
        show(text)
    if text := document.get("traceback"):
        show("\n".join(text.splitlines()[-4:]))


def run(address, script):
    print(f"\n== {script.name}: {ast.get_docstring(ast.parse(script.read_bytes()))}")
    parts = [("code", script.name, script.read_bytes()), ("files", "temperatures.csv", (HERE / "temperatures.csv").read_bytes())]
    body, fields = form(parts)
    status, document, time = send(address, "POST", "/v1/invoke/python", body, fields | {"Dandelion-Timeout": LIMIT})
    tell(status, document)
    print(f"  {time:.1f} ms")
    return status, document


def main(arguments):
    only_check = arguments[:1] == ["--check"]
    arguments = arguments[only_check:]
    if len(arguments) > 1:
        sys.exit(f"demo: unknown argument '{arguments[1]}'; it takes one: the function class")
    runs = arguments[0] if arguments else "default"
    classes = re.findall(r"^\[classes\.(\w+)\]$", (ROOT / "Config/dandelion.toml").read_text(), re.MULTILINE)
    if runs not in classes:
        sys.exit(f"demo: no class '{runs}' in Config/dandelion.toml; there are: {' '.join(classes)}")
    if runs == "rwasm":
        sys.exit("demo: class 'rwasm' takes WebAssembly modules, and this interpreter is native")
    if only_check:
        return
    if not IMAGE.exists():
        sys.exit(f"demo: there is no {IMAGE}: ./dev python builds it")
    with tempfile.TemporaryDirectory() as folder, node(folder) as address:
        print(f"== The function `python`: an interpreter for whatever code a request brings, in class {runs}, 64 MiB, {LIMIT} each")
        body, fields = form([("image", "python", IMAGE.read_bytes())])
        status, document, time = send(
            address, "PUT", f"/v1/functions/python?class={runs}&inputs=stdio,code,args,files&outputs=stdio,out&memory=64MiB", body, fields)
        if status != 201:
            sys.exit(f"demo: {document['detail']}")
        print(f"  registered in {time:.0f} ms")
        scripts = sorted((HERE / "scripts").glob("*.py"), key=lambda path: int(re.match(r"\d+", path.name)[0]))
        outcomes = {script.name: run(address, script) for script in scripts}
        print("\n== And the first once more: nothing is left of the others")
        again = run(address, scripts[0])
    expected = {"1-report.py": 200, "3-endless.py": 504, "9-files.py": 200}
    wrong = [name for name, (status, _) in outcomes.items() if status != expected.get(name, 422)]
    if wrong or again[1]["sets"] != outcomes["1-report.py"][1]["sets"]:
        sys.exit(f"demo: not what was to come of {', '.join(wrong) or 'the first script'}")


if __name__ == "__main__":
    main(sys.argv[1:])
