"""Where data is: a folder, s3://BUCKET/PREFIX, or http://HOST/PATH; how a client reads a manifest there, and what a node asks for."""

import datetime
import hashlib
import hmac
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from . import Refused


def sign(method, url, body, key, secret, region="us-east-1", time=None):
    """The header fields of a request to S3, by Signature Version 4. The path of the URL is percent-encoded already."""
    time = time or datetime.datetime.now(datetime.timezone.utc)
    stamp, day = time.strftime("%Y%m%dT%H%M%SZ"), time.strftime("%Y%m%d")
    parts = urllib.parse.urlsplit(url)
    digest = hashlib.sha256(body).hexdigest()
    fields = {"host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names = ";".join(sorted(fields))
    request = "\n".join([method, parts.path or "/", parts.query, *(f"{name}:{fields[name]}" for name in sorted(fields)), "", names, digest])
    scope = f"{day}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    signing = ("AWS4" + secret).encode()
    for part in (day, region, "s3", "aws4_request"):
        signing = hmac.new(signing, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(signing, text.encode(), hashlib.sha256).hexdigest()
    return {
        "x-amz-content-sha256": digest, "x-amz-date": stamp,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"}


def answer(url, method="GET", body=None, fields=None, place=None):
    request = urllib.request.Request(url, data=body, method=method, headers=fields or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.read()
    except urllib.error.HTTPError as error:
        raise Refused(f"{place or url}: {error.code} {error.reason}: {error.read()[:300].decode(errors='replace')}") from None
    except (urllib.error.URLError, OSError) as error:
        raise Refused(f"{place or url}: {getattr(error, 'reason', error)}") from None


class Folder:
    """Chunks go along with the query's request."""

    function = None

    def __init__(self, path):
        self.root = Path(path)

    def read(self, name):
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise Refused(f"{self.root / name}: {error.strerror}") from None

    def chunk(self, path, offset, length):
        with open(self.root / path, "rb") as file:
            file.seek(offset)
            return file.read(length)


class S3:
    """The node's plugin signs its requests; a client has a key of its own for the manifest: AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_REGION."""

    function = "S3"

    def __init__(self, bucket, prefix):
        self.bucket, self.prefix = bucket, prefix.strip("/")
        try:
            self.key, self.secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
            self.endpoint = os.environ["AWS_ENDPOINT_URL"].rstrip("/")
        except KeyError as missing:
            raise Refused(f"s3://{bucket}: the environment has no {missing.args[0]}") from None
        self.region = os.environ.get("AWS_REGION", "us-east-1")

    def path(self, name):
        return f"{self.bucket}/{self.prefix}/{name}" if self.prefix else f"{self.bucket}/{name}"

    def send(self, method, path, body=b""):
        url = f"{self.endpoint}/{urllib.parse.quote(path)}"
        return answer(url, method, body or None, sign(method, url, body, self.key, self.secret, self.region), f"s3://{path}")

    def read(self, name):
        return self.send("GET", self.path(name))

    def write(self, name, data):
        self.send("PUT", self.path(name), data)

    def make_bucket(self):
        self.send("PUT", self.bucket)

    def request(self, path, offset, length):
        return f"GET {self.path(path)}\nRange:bytes={offset}-{offset + length - 1}\n\n".encode()


class Web:
    """A web server that knows ranges."""

    function = "HTTP"

    def __init__(self, url):
        self.url = url.rstrip("/")

    def read(self, name):
        return answer(f"{self.url}/{name}")

    def request(self, path, offset, length):
        return f"GET {self.url}/{urllib.parse.quote(path)} HTTP/1.1\r\nRange: bytes={offset}-{offset + length - 1}\r\n\r\n".encode()


def at(place):
    """The storage that a word of the command line names."""
    parts = urllib.parse.urlsplit(place)
    if parts.scheme == "s3":
        return S3(parts.netloc, parts.path)
    if parts.scheme in ("http", "https"):
        return Web(place)
    return Folder(place)
