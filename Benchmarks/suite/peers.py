"""The systems that ours is compared with, each behind an HTTP server on this machine.

A peer that cannot run here is reported with its reason; nothing is left out silently. Debian packages and the wasmtime
wheel are installed when they are missing; the wheel into a folder of its own.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .bench import ROOT, Server, Unavailable, free_port, progress
from .load import Kind

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "dandelion/bench"
WASMTIME = "50.0.1"
HOT = 2  # sandboxes that a peer keeps for hot requests


@dataclass(frozen=True)
class Peer:
    """`make(bench, hot)` gives the command without the port; `keeps` tells whether it has sandboxes for hot
    requests."""

    name: str
    title: str
    keeps: bool
    make: object

    def start(self, bench, cpus=None, hot=HOT):
        port = free_port()
        command = [str(port) if word is PORT else word for word in self.make(bench, hot)]
        server = Server(command, port, bench.work / f"peer-{self.name}.log", cpus)
        try:
            self.probe(bench, server)
        except BaseException:
            server.stop()
            raise
        return server

    def probe(self, bench, server):
        """One request, so that a sandbox that cannot start is told with its own message."""
        try:
            ask(server.port, self.path(False), bench.matrix(1))
        except (OSError, ValueError, EOFError) as error:
            raise Unavailable(f"no sandbox: {server.log_tail() or error}") from error

    def path(self, hot):
        return "/hot" if hot else "/cold"

    def kind(self, bench, size, hot=False):
        return Kind(self.path(hot), bench.matrix(size), bench.product(size))


PORT = object()


def ask(port, path, file):
    """A request whose answer must be right in kind: 200 and as long as the body."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        body = Path(file).read_bytes()
        connection.request("POST", path, body)
        reply = connection.getresponse()
        if reply.status != 200 or len(reply.read()) != len(body):
            raise ValueError(f"status {reply.status}")
    except http.client.HTTPException as error:
        raise ValueError(f"the server closed the connection ({error!r})") from error
    finally:
        connection.close()


def debian(package, command):
    """The path of a Debian package's command, installed when missing and possible."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    if found := shutil.which(command, path=path):
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Unavailable(f"Debian's {package} is not installed")
    progress(f"installing {package}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        ["apt-get", "install", "-y", "--no-install-recommends", package],
        capture_output=True,
        env=environment,
        timeout=300,
    )
    if found := shutil.which(command, path=path):
        return found
    raise Unavailable(f"Debian's {package} could not be installed")


def wasmtime_python():
    """A Python that has wasmtime, in the cache folder."""
    folder = CACHE / f"wasmtime-{WASMTIME}"
    python = folder / "bin/python"
    check = [str(python), "-c", "import wasmtime"]
    if python.exists() and subprocess.run(check, capture_output=True).returncode == 0:
        return python
    progress(f"installing wasmtime {WASMTIME}")
    try:
        subprocess.run(["python3", "-m", "venv", folder], check=True, capture_output=True, timeout=120)
        install = [str(python), "-m", "pip", "install", "--quiet", f"wasmtime=={WASMTIME}"]
        subprocess.run(install, check=True, capture_output=True, timeout=300)
    except (subprocess.SubprocessError, OSError) as error:
        detail = getattr(error, "stderr", b"") or b""
        raise Unavailable(f"wasmtime could not be installed: {detail.decode()[-200:] or error}") from error
    return python


def relay(bench, hot, *command):
    return [bench.helper("peers/relay.c"), PORT, hot, *command]


def program(bench):
    return bench.native("Examples/functions/matmul.c")


def fork_exec(bench, hot):
    return relay(bench, hot, program(bench))


def bubblewrap(bench, hot):
    executable = debian("bubblewrap", "bwrap")
    options = ["--unshare-all", "--ro-bind", program(bench), "/matmul"]
    return relay(bench, hot, executable, *options, "/matmul")


def bundle(bench):
    """An OCI bundle whose only file is the program; new namespaces, no capabilities, no cgroup."""

    def make(path):
        (path / "rootfs").mkdir(parents=True)
        shutil.copy(program(bench), path / "rootfs/matmul")
        for folder in ("proc", "dev"):
            (path / "rootfs" / folder).mkdir()
        namespaces = [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount")]
        config = {
            "ociVersion": "1.0.2",
            "process": {
                "terminal": False,
                "user": {"uid": 0, "gid": 0},
                "args": ["/matmul"],
                "env": [],
                "cwd": "/",
                "noNewPrivileges": True,
                "capabilities": {},
            },
            "root": {"path": "rootfs", "readonly": True},
            "hostname": "sandbox",
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": namespaces},
        }
        (path / "config.json").write_text(json.dumps(config))

    return bench.once("bundle", make)


def oci(bench, hot, package, *options):
    command = debian(package, package)
    state = bench.work / f"{package}-root"
    return relay(bench, hot, command, "--root", state, *options, "run", "--bundle", bundle(bench), "bench-%d")


def crun(bench, hot):
    """crun refuses machines with both kinds of cgroups even when it is to use none, so it sees neither."""
    command = oci(bench, hot, "crun", "--cgroup-manager=disabled")
    return ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', "sh", *command]


def runc(bench, hot):
    return oci(bench, hot, "runc")


def gvisor(bench, hot):
    return oci(bench, hot, "runsc", "--network=none", "--platform=ptrace", "--ignore-cgroups")


def wasmtime(bench, hot):
    module = bench.module("Examples/functions/matmul.c")
    return [wasmtime_python(), ROOT / "Benchmarks/peers/wasmtime_peer.py", "serve", PORT, module]


def node_worker(bench, hot):
    return [debian("nodejs", "node"), ROOT / "Benchmarks/peers/worker_peer.js", PORT, hot]


PEERS = [
    Peer("forkexec", "fork+exec, static glibc", True, fork_exec),
    Peer("bubblewrap", "bubblewrap", True, bubblewrap),
    Peer("crun", "crun (without cgroups)", True, crun),
    Peer("runc", "runc", True, runc),
    Peer("gvisor", "gVisor (runsc of 2022, ptrace)", True, gvisor),
    Peer("wasmtime", f"wasmtime {WASMTIME.split('.')[0]}, HTTP server in Python", False, wasmtime),
    Peer("worker", "node.js Worker", True, node_worker),
]


def peer(name):
    return next(each for each in PEERS if each.name == name)


def wasmtime_in_process(bench, size, runs):
    """Microseconds of each run without any server: instantiate, call, read the result."""
    module = bench.module("Examples/functions/matmul.c")
    script = ROOT / "Benchmarks/peers/wasmtime_peer.py"
    output = bench.run([wasmtime_python(), script, "loop", runs, module, bench.matrix(size)])
    return [float(line) for line in output.split()]
