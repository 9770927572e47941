"""Speaking to a node over HTTP."""

import hashlib
import http.client
import json
import time
import urllib.parse
import uuid
from pathlib import Path

from . import Refused
from .composition import INPUTS


ATTEMPTS = 20  # at a query, when the node has too much to do


class Node:
    def __init__(self, address, timeout=600):
        parts = urllib.parse.urlsplit(address if "//" in address else "http://" + address)
        self.address = address
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, method, path, body=b"", fields=None):
        """Status, fields and body of the reply."""
        try:
            self.connection.request(method, path, body, {"Dandelion-Client": "dandelion-sql"} | (fields or {}))
            reply = self.connection.getresponse()
            return reply.status, reply.headers, reply.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise Refused(f"the node at {self.address} cannot be reached: {error}") from None

    def problem(self, body):
        """What an error's document says."""
        try:
            document = json.loads(body)
            return document.get("message") or document.get("detail") or body.decode(errors="replace")
        except (ValueError, AttributeError):
            return body.decode(errors="replace")

    def register_operators(self, image, memory):
        """Registers the operators unless they are there, and gives the name, which tells the image."""
        try:
            data = Path(image).read_bytes()
        except OSError as error:
            raise Refused(f"{image}: {error.strerror}; make -C Examples/sql/functions builds it") from None
        name = "sql_" + hashlib.sha256(data + memory.encode()).hexdigest()[:16]
        status, _, _ = self.send("GET", f"/v1/functions/{name}")
        if status == 200:
            return name
        status, _, body = self.send("PUT", f"/v1/functions/{name}?inputs={','.join(INPUTS)}&outputs=rows&memory={memory}", data,
                                    {"Content-Type": "application/octet-stream"})
        if status not in (200, 201, 409):
            raise Refused(f"the node does not take the operators: {self.problem(body)}")
        return name

    def inputs_of(self, function):
        """Names of a registered function's inputs."""
        status, _, body = self.send("GET", f"/v1/functions/{urllib.parse.quote(function)}")
        if status != 200:
            raise Refused(f"function {function}: {self.problem(body)}")
        return json.loads(body)["inputs"]

    def register_composition(self, composition):
        status, _, _ = self.send("GET", f"/v1/compositions/{composition.name}")
        if status == 200:
            return
        status, _, body = self.send("PUT", f"/v1/compositions/{composition.name}", composition.text.encode(),
                                    {"Content-Type": "application/octet-stream"})
        if status not in (200, 201, 409):
            raise Refused(f"the node does not take the query's composition: {self.problem(body)}")

    def invoke(self, name, inputs, timeout=None):
        """The one output item, and where the time went: {name: milliseconds or count}."""
        status, headers, body = self.post(name, inputs, "application/octet-stream", timeout)
        if status != 200:
            raise Refused(self.problem(body))
        return body, timing(headers)

    def post(self, name, inputs, accept, timeout=None):
        """Invokes with inputs, {set: [(item, key, bytes)]}: status, fields and body of the reply."""
        boundary = uuid.uuid4().hex
        parts = []
        for set_, items in inputs.items():
            for item, key, data in items:
                word = item.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
                parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{set_}"; filename="{word}"\r\nDandelion-Key: {key}\r\n\r\n'.encode())
                parts += [data, b"\r\n"]
        parts.append(f"--{boundary}--\r\n".encode())
        fields = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": accept}
        if timeout:
            fields["Dandelion-Timeout"] = timeout
        return self.send_patiently(f"/v1/invoke/{name}", b"".join(parts), fields)

    def send_patiently(self, path, body, fields):
        """A node that has too much to do says when to try again; a query reads only, and can be asked for again."""
        for attempt in range(ATTEMPTS):
            status, headers, reply = self.send("POST", path, body, fields)
            if status != 429 or attempt + 1 == ATTEMPTS:
                return status, headers, reply
            time.sleep(min(10, float(headers.get("Retry-After", 1))))


def timing(headers):
    """A reply's Server-Timing as {name: number}."""
    found = {}
    for part in headers.get("Server-Timing", "").split(","):
        word, _, rest = part.strip().partition(";")
        for field in rest.split(";"):
            key, _, value = field.strip().partition("=")
            if key in ("dur", "desc"):
                try:
                    found[word] = float(value.strip('"'))
                except ValueError:
                    found[word] = value
    return found
