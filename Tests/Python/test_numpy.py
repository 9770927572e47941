"""The image with numpy linked in."""

import unittest

from surroundings import CLASSES, SDK, PythonTests

IMAGE = SDK / "python/python-numpy"

FUNCTION = """
import numpy
from dandelion import handler

TABLE = numpy.arange(12.0).reshape(3, 4)

@handler
def main(texts):
    matrix = numpy.array([[4.0, 1.0], [2.0, 3.0]])
    signal = numpy.sin(2 * numpy.pi * 5 * numpy.arange(64) / 64)
    return {
        "eigenvalues": sorted(numpy.linalg.eigvals(matrix).real.round(6).tolist()),
        "solution": numpy.linalg.solve(matrix, [1.0, 2.0]).round(6).tolist(),
        "peak": int(numpy.abs(numpy.fft.rfft(signal)).argmax()),
        "table": (TABLE @ TABLE.T).tolist(),
        "seeded": numpy.random.RandomState(7).randint(0, 1000, 3).tolist(),
        "random": numpy.random.random(),
        "generator": numpy.random.default_rng().random(),
    }
"""

EXPECTED = {
    "eigenvalues": [2.0, 5.0], "solution": [0.1, 0.6], "peak": 5,
    "table": [[14.0, 38.0, 62.0], [38.0, 126.0, 214.0], [62.0, 214.0, 366.0]], "seeded": [175, 196, 537],
}

@unittest.skipUnless(IMAGE.exists(), f"there is no {IMAGE}: ./dev python --numpy builds it")
class NumpyTests(PythonTests):
    def test_numbers_are_right_and_random_ones_differ(self):
        for runs in CLASSES:
            with self.subTest(runs):
                made = self.node.handler(FUNCTION, inputs=["texts"], runs=runs, memory="256MiB", image=IMAGE)
                self.assertIn(made.status, (200, 201), made.text)
                seen = set()
                for _ in range(3):
                    reply = self.node.request("POST", "/v1/invoke/f", b"", {"Content-Type": "application/octet-stream"})
                    self.assertEqual(reply.status, 200, reply.text)
                    found = reply.json
                    seen |= {found.pop("random"), found.pop("generator")}
                    self.assertEqual(found, EXPECTED)
                self.assertEqual(len(seen), 6)


if __name__ == "__main__":
    unittest.main()
