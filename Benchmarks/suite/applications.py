"""The two applications of the paper's section 7.6 on a node: log processing, and image compression."""

import re
import zlib

from .bench import ROOT, Unavailable, free_port
from .load import Kind
from .storage import start_storage

IMAGES = ROOT / "Tests/SDKTests/images"
LOGS = ROOT / "Examples/log-processing"
DELAY_US, SITES, LINES = 10_000, 10, 300
TOKEN = "demo-token-5f0c"
PATHS = ["/", "/index.html", "/products/1.html", "/static/app.js", "/old", "/admin", "/missing.html", "/report"]
LINE = '127.0.0.1 - - [25/Nov/2026:19:00:{:02} +0000] "GET {} HTTP/1.1" {} {} "-" "bench/1.0"\n'


def log_text(site):
    """An access log in the combined format, another for each site."""

    def line(index):
        status = (200, 200, 200, 301, 404, 503)[(index + site) % 6]
        return LINE.format(index % 60, PATHS[(index * 5 + site) % len(PATHS)], status, 100 + index * 37 % 5000)

    return "".join(line(index) for index in range(LINES))


def start_services(bench):
    """A storage server with the authorisation service and the logs, 10 ms for each answer."""
    routes = {f"/log-{site}": bench.write(f"log-{site}", log_text(site)) for site in range(SITES)}
    port = free_port()
    urls = ", ".join(f'"http://127.0.0.1:{port}/log-{site}"' for site in range(SITES))
    routes["/authorize"] = bench.write("urls", f"[{urls}]")
    return start_storage(bench, DELAY_US, routes, port=port)


def multipart(bench, name, parts):
    """A form as a file: (set, file name, bytes)."""
    body = b""
    for set_name, file_name, content in parts:
        head = f'--edge\r\nContent-Disposition: form-data; name="{set_name}"; filename="{file_name}"\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return bench.write(name, body + b"--edge--\r\n")


def register(bench, node, class_name):
    for name, inputs, outputs in (
        ("Access", "token,service", "request"),
        ("FanOut", "headers,bodies", "requests,failures"),
        ("Render", "headers,bodies,failures", "report"),
    ):
        image = bench.function(LOGS / f"{name.lower()}.c")
        node.register(name, image, class_name, inputs, outputs)
    node.compose("LogProcessing", (LOGS / "log.dandelion").read_text())
    node.register(
        "compress", bench.program("Examples/programs/qoi2png.c"), class_name, "images", "pngs", memory="32MiB"
    )


def checked(bench, node, kind, name, check):
    """The kind with the answer that every further one must equal; `check` judges the first."""
    headers = {"Content-Type": kind.content_type, "Accept": "application/octet-stream"}
    status, _, answer = node.request("POST", kind.path, kind.body.read_bytes(), headers)
    if status != 200 or not check(answer):
        raise Unavailable(f"{name} answered {status}: {answer[:200]!r}")
    return Kind(kind.path, kind.body, bench.write(f"{name}-answer", answer), kind.method, kind.content_type)


def is_report(answer):
    return re.search(rb"\b%d\b" % (SITES * LINES), answer) is not None


def is_picture(answer):
    """A PNG whose data inflates to the rows that its header promises."""
    if not answer.startswith(b"\x89PNG\r\n\x1a\n"):
        return False
    width, height = int.from_bytes(answer[16:20]), int.from_bytes(answer[20:24])
    channels = 4 if answer[25] == 6 else 3
    start = answer.index(b"IDAT") + 4
    length = int.from_bytes(answer[start - 8 : start - 4])
    return len(zlib.decompress(answer[start : start + length])) == (width * channels + 1) * height


def kinds(bench, node, storage):
    """Requests of kind 0, log processing, and kind 1, image compression."""
    form = "multipart/form-data;boundary=edge"
    service = f"http://127.0.0.1:{storage.port}/authorize".encode()
    logs = multipart(bench, "logs-form", [("token", "token", TOKEN.encode()), ("service", "service", service)])
    image = (IMAGES / "discs_512_18k.qoi").read_bytes()
    images = multipart(bench, "image-form", [("images", "discs.qoi", image)])
    return [
        checked(bench, node, Kind("/v1/invoke/LogProcessing", logs, content_type=form), "logs", is_report),
        checked(bench, node, Kind("/v1/invoke/compress", images, content_type=form), "image", is_picture),
    ]
