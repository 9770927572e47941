"""Nothing of one invocation is seen by another, and what must differ between them differs."""

import concurrent.futures
import json
import unittest

from surroundings import CLASSES, LONG, PythonTests

# Every kind of state that a module can have: its own, a class's, a cache's, the interpreter's, files, the environment, another
# module's.
STATEFUL = """
import builtins, functools, json, os, sys, tempfile
from dandelion import handler

counter = 0
seen = []

class Kept:
    value = 0

@functools.cache
def cached(n):
    seen.append(n)
    return n

@handler
def main(numbers, default=[]):
    global counter
    counter += 1
    Kept.value += 1
    default.append(1)
    builtins.trace = getattr(builtins, "trace", 0) + 1
    sys.modules["left"] = sys.modules.get("left", 0) or counter
    os.environ["LEFT"] = os.environ.get("LEFT", "") + "x"
    json.left = getattr(json, "left", 0) + 1
    cached(5)
    with open("/tmp/left", "a") as file:
        file.write("x")
    size = os.path.getsize("/tmp/left")
    numbers[0].content[:1] = b"X"
    os.chdir("/tmp")
    sys.setrecursionlimit(2000 + counter)
    return [counter, Kept.value, len(default), builtins.trace, len(os.environ["LEFT"]), json.left, len(seen), size,
            sys.getrecursionlimit(), numbers.only.text]
"""

VARYING = """
import os, random, secrets, time, uuid
from dandelion import handler

generator = random.Random()

@handler
def main(stdio):
    return [random.random(), secrets.token_hex(16), str(uuid.uuid4()), os.urandom(8).hex(), time.time(), os.environ.get("WHO"),
            random.SystemRandom().random(), __import__("tempfile").mktemp(), str(uuid.uuid1())]
"""


class IsolationTests(PythonTests):
    def test_no_state_is_seen(self):
        rounds = 10_000 if LONG else 1_000
        for runs in CLASSES:
            self.node.handler(STATEFUL, runs=runs)
            count = rounds if runs == "kvm" else rounds // 20
            with self.subTest(runs), concurrent.futures.ThreadPoolExecutor(4) as pool:
                for number, reply in zip(range(count), pool.map(
                        lambda n: self.node.invoke("f", [("numbers", "n", f"{n:5}")]), range(count))):
                    self.assertEqual(reply.status, 200, reply.text)
                    self.assertEqual(
                        json.loads(reply.items("out")[""]), [1, 1, 1, 1, 1, 1, 1, 1, 2001, "X" + f"{number:5}"[1:]])

    def test_what_must_differ_differs(self):
        for runs in CLASSES:
            self.node.handler(VARYING, inputs=["stdio"], runs=runs)
            found = []
            for number in range(300 if runs == "kvm" else 20):
                reply = self.node.invoke("f", [("stdio", "environ", f"WHO=n{number}")])
                found.append(json.loads(reply.items("out")[""]))
            for column in (0, 1, 2, 3, 6, 7, 8):
                with self.subTest(runs=runs, column=column):
                    self.assertEqual(len({row[column] for row in found}), len(found))
            self.assertEqual([row[5] for row in found], [f"n{number}" for number in range(len(found))])
            times = [row[4] for row in found]
            self.assertEqual(times, sorted(times))
            self.assertLess(times[-1] - times[0], 120)
            self.assertGreater(times[-1], times[0])


if __name__ == "__main__":
    unittest.main()
