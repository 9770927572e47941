"""What the steps share.

The settings of an invocation, one JSON object: `model` (the URL of an OpenAI-compatible API, such as http://127.0.0.1:8000/v1),
`model_name`, `database` (the URL of a database of Datasette's, such as http://127.0.0.1:8001/library), `node` (this node's URL, for a
second attempt), `schema_request` (the request for its tables), and `attempt`: absent at first; in a second attempt `{"sql": ..., "problem": ...}`, what was wrong with the first."""

import json
from urllib.parse import urlsplit


class Problem(Exception):
    """What the caller of the workflow is told."""


def request(method, url, body=None):
    """A request as the communication function HTTP takes it."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise Problem(f"'{url}' is no http URL")
    head = f"{method} {url} HTTP/1.1\r\n"
    if body is None:
        return head.encode() + b"\r\n"
    return head.encode() + b"Content-Type: application/json\r\nDandelion-Client: text2sql\r\n\r\n" + json.dumps(body).encode()


def status_of(head):
    """The status of an answer, of its header's first line."""
    words = head.text.split("\n", 1)[0].split(" ")
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def expect(heads, bodies, who):
    """The one answer of a server, as JSON; a Problem that names the server when it is anything but that."""
    if len(heads) != 1 or len(bodies) != 1:
        raise Problem(f"{who} gave no answer")
    status = status_of(heads[0])
    if status != 200:
        raise Problem(f"{who} answered {status}: {bodies[0].data[:500].decode(errors='replace')}")
    try:
        return bodies[0].json()
    except ValueError as error:
        raise Problem(f"{who} answered what is no JSON: {error}") from None
