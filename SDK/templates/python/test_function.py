import unittest

from dandelion import Item
from dandelion.testing import invoke
from function import count


class CountTests(unittest.TestCase):
    def test_counts(self) -> None:
        item = invoke(count, outputs=["counts"], texts=[Item("two words\n", name="a")]).only("counts")
        self.assertEqual(item.name, "a.json")
        self.assertEqual(item.json(), {"lines": 1, "words": 2, "bytes": 10})

    def test_nothing_gives_nothing(self) -> None:
        self.assertEqual(len(invoke(count, outputs=["counts"], texts=[])["counts"]), 0)
