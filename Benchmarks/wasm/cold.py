"""Cold invocations: one small function in a fresh instance each time, unloaded, beside an HTTP echo server in C."""

import http.client
import re
import socket
import statistics
import subprocess
import time
from pathlib import Path

here = Path(__file__).parent
body = b"x" * 16


def build(root, folder):
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]
    for source in ("floors/echo_epoll.c", "load/loadgen.c"):
        tool = f"{folder}/{Path(source).stem}"
        subprocess.run(["cc", *flags, str(root / "Benchmarks" / source), "-o", tool], check=True)
    subprocess.run(
        ["clang", "--target=wasm32-unknown-unknown", "-O2", "-nostdlib", "-Wno-int-to-pointer-cast",
         f"-I{root}/Sources/PluginABI/include", "-Wl,--no-entry", "-Wl,--export=__dandelion_system_data",
         str(here / "cold.c"), "-o", f"{folder}/cold.wasm"], check=True)
    Path(f"{folder}/body").write_bytes(body)


def await_line(path, process):
    for _ in range(300):
        if "Socket ready" in path.read_text():
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit(f"no server: {path.read_text()}")


def start(command, folder, name):
    path = Path(f"{folder}/{name}.log")
    with path.open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    await_line(path, process)
    return process


def load(folder, port, path, requests):
    """key -> value of loadgen's line, at one request per millisecond."""
    line = subprocess.run(
        [f"{folder}/loadgen", "--port", str(port), "--path", path, "--body", f"{folder}/body", "--rate", "1000",
         "--requests", str(requests), "--warmup", "200"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(word.split("=") for word in line.split())


def stages(port, path, requests):
    """Stage -> median in us of what the node says of its own time."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = {}
    for _ in range(requests):
        connection.request("POST", path, body)
        answer = connection.getresponse()
        answer.read()
        for name, duration in re.findall(r"([a-z]+);dur=([0-9.]+)", answer.headers["Server-Timing"]):
            times.setdefault(name, []).append(float(duration) * 1000)
        time.sleep(0.001)
    return {name: statistics.median(values) for name, values in times.items()}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def measure(root, folder, peer, requests, node_program=None):
    """Medians in us: `sandbox` of a request in the node, `wasmtime`, `echo` and `node` over HTTP."""
    build(root, folder)
    port = free_port()
    echo = start([f"{folder}/echo_epoll", str(port)], folder, "echo")
    try:
        floor = load(folder, port, "/", requests)
    finally:
        echo.kill()
        echo.wait()
    port = free_port()
    node = start(
        [str(node_program or root / ".build/release/dandelion"), "serve", "--config", str(root / "Config/dandelion.toml"),
         "--listen", f"127.0.0.1:{port}", "--state", f"{folder}/state"], folder, "node")
    try:
        register(port, f"{folder}/cold.wasm")
        path = "/v1/invoke/cold"
        ours = load(folder, port, path, requests)
        inside = stages(port, path, min(requests, 1000))
    finally:
        node.terminate()
        node.wait()
    other = subprocess.run([*peer, "cold", "1000", f"{folder}/cold.wasm", "_start"], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    return {
        "sandbox": sum(inside.get(name, 0) for name in ("load", "input", "run", "output")),
        "wasmtime": float(other) / 1000, "echo": float(floor["p50"]), "node": float(ours["p50"]),
    }


def report(root, folder, peer, requests):
    found = measure(root, folder, peer, requests)
    allowed = 1.3 * found["echo"] + 10
    print("| what | median, us |\n|---|---|")
    print(f"| sandbox: load, input, run, output, with the code loaded (at most 10) | {found['sandbox']:.1f} |")
    print(f"| wasmtime from Python: deserialise, instantiate, call | {found['wasmtime']:.1f} |")
    print(f"| HTTP echo in C, a request per ms | {found['echo']:.1f} |")
    print(f"| the node over HTTP, a request per ms (at most {allowed:.1f}) | {found['node']:.1f} |")


def register(port, file):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("PUT", "/v1/functions/cold?class=rwasm&inputs=in&outputs=out", Path(file).read_bytes())
    answer = connection.getresponse()
    if answer.status >= 300:
        raise SystemExit(f"the node refused the module: {answer.read().decode()}")
