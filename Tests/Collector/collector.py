#!/usr/bin/env python3
"""A receiver of traces (OTLP/HTTP, JSON) that takes only what OpenTelemetry's own definition of the protocol has.

collector.py FOLDER: listens on a free port of the loopback, which the first line of output tells. Each span that comes is a line of
FOLDER/spans.jsonl, and each mistake one of FOLDER/mistakes. While FOLDER/away exists, the answer is 503.
"""
import base64
import json
import pathlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

folder = pathlib.Path(sys.argv[1])


class Mistake(Exception):
    """What is wrong with a request."""


def check(condition, what):
    if not condition:
        raise Mistake(what)


def with_base64(span):
    """OTLP writes ids as hexadecimal digits, where the JSON of protocol buffers has base64."""
    for name, count in (("traceId", 16), ("spanId", 8), ("parentSpanId", 8)):
        if name in span:
            text = span[name]
            check(text == text.lower() and len(text) == 2 * count, f"{name} {text!r} is not {2 * count} digits")
            check(int(text, 16) != 0, f"{name} is zero")
            span[name] = base64.b64encode(bytes.fromhex(text)).decode()
    return span


def values(attributes):
    names = [attribute.key for attribute in attributes]
    check(len(names) == len(set(names)), f"attributes twice: {names}")
    result = {}
    for attribute in attributes:
        kind = attribute.value.WhichOneof("value")
        check(kind is not None, f"attribute {attribute.key} has no value")
        result[attribute.key] = getattr(attribute.value, kind)
    return result


def spans_of(body):
    document = json.loads(body)
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            scope["spans"] = [with_base64(span) for span in scope["spans"]]
    request = json_format.ParseDict(document, ExportTraceServiceRequest())
    for resource in request.resource_spans:
        facts = values(resource.resource.attributes)
        check(facts.get("service.name") and facts.get("service.version"), f"the resource has no name: {facts}")
        for scope in resource.scope_spans:
            check(scope.scope.name == "dandelion", "the scope has another name")
            for span in scope.spans:
                check(span.name, "a span has no name")
                check(0 < span.start_time_unix_nano <= span.end_time_unix_nano, f"times of {span.name}")
                check(span.kind != trace_pb2.Span.SPAN_KIND_UNSPECIFIED, f"kind of {span.name}")
                yield {
                    "service": facts["service.name"],
                    "trace": span.trace_id.hex(),
                    "span": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "state": span.trace_state,
                    "name": span.name,
                    "kind": trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    "start": span.start_time_unix_nano,
                    "end": span.end_time_unix_nano,
                    "status": trace_pb2.Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_"),
                    "attributes": values(span.attributes),
                }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if (folder / "away").exists():
            return self.answer(503)
        try:
            check(self.path == "/v1/traces", f"path {self.path}")
            check(self.headers["Content-Type"] == "application/json", "Content-Type")
            spans = list(spans_of(body))
            check(self.headers.get("X-Key") == "secret", "X-Key")
        except (Mistake, ValueError, KeyError, json_format.ParseError) as error:
            with open(folder / "mistakes", "a", encoding="utf-8") as file:
                file.write(f"{type(error).__name__}: {error}\n")
            return self.answer(400)
        with open(folder / "spans.jsonl", "a", encoding="utf-8") as file:
            file.write("".join(json.dumps(span) + "\n" for span in spans))
        return self.answer(200)

    def answer(self, status):
        body = b"{}"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
