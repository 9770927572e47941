"""After an invocation that the workflow started itself: its answer, or what became of it."""

from common import Problem, status_of
from dandelion import ItemSet, handler


@handler
def finish(heads: ItemSet, bodies: ItemSet) -> bytes:
    if status_of(heads[0]) == 200:
        return bodies[0].data
    try:
        document = bodies[0].json()
        raise Problem(document.get("message") or document["detail"])
    except (ValueError, KeyError, AttributeError):
        raise Problem(f"the invocation that this one started ended with {status_of(heads[0])}") from None
