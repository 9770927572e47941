"""What is measured: one kibibyte of JSON is parsed, looked at and returned."""

import json

from dandelion import ItemSet, handler


@handler
def main(documents: ItemSet) -> bytes:
    return answer(documents.only.data)


def answer(body: bytes) -> bytes:
    document = json.loads(body)
    document["sum"] = sum(item["n"] for item in document["items"])
    return json.dumps(document).encode()
