"""A model with tools: a stand-in for the model, which checks what it is asked, and the tools by themselves."""

import ast
import json
import sys
import unittest
import xml.etree.ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import conversation  # noqa: E402
from workflow import running  # noqa: E402
from conversation import Node, Refused  # noqa: E402


@unittest.skipUnless(running.PYTHON.exists(), "there is no Python image: ./dev python builds it")
class Conversation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.address, cls.model = cls.enterClassContext(conversation.everything())

    def ask(self, question, **more):
        answer, self.timing = conversation.ask(self.address, more.pop("model", self.model), question, **more)
        return answer

    def test_a_tool(self):
        answer = self.ask("What is 12.5 percent of 2480?")
        self.assertEqual((answer["text"], answer["turns"]), ("It is 310.", 2))
        self.assertEqual(answer["calls"], [{"tool": "calculate", "arguments": {"expression": "2480 * 12.5 / 100"}, "result": {"value": 310.0}}])
        # This turn's: two steps, the tool, the next step, and what ends it; the model and the node itself.
        self.assertEqual((self.timing["sandboxes"], self.timing["requests"]), (5, 2))

    def test_tools_side_by_side(self):
        answer = self.ask("How much warmer is Castelmar than Aldersund?")
        self.assertEqual((answer["text"], answer["turns"]), ("Castelmar is 14.7 degrees warmer.", 3))
        self.assertEqual([call["tool"] for call in answer["calls"]], ["look_up", "look_up", "calculate"])
        self.assertEqual([call["result"]["rows"][0]["town"] for call in answer["calls"][:2]], ["Castelmar", "Aldersund"])

    def test_a_picture(self):
        answer = self.ask("Draw the rain of Northland's towns.")
        [picture] = answer["pictures"]
        root = xml.etree.ElementTree.fromstring(picture)
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        texts = [part.text for part in root.iter("{http://www.w3.org/2000/svg}text")]
        self.assertEqual(texts, ["Rain in mm", "Aldersund", "820", "Brekkavik", "2250", "Grenholm", "560"])

    def test_wrong_calls_are_results(self):
        answer = self.ask("What is one divided by nothing?")
        self.assertIn("1 / 0: division by zero; there is no tool 'teleport'; there are calculate", answer["text"])
        self.assertIn("the arguments are no JSON", answer["text"])
        self.assertEqual(answer["turns"], 2)

    def test_turns_are_bounded(self):
        with self.assertRaisesRegex(Refused, "no answer after 3 turns; the model still calls look_up"):
            self.ask("Which town is the best?", turns=3)
        with self.assertRaisesRegex(Refused, "no answer after 1 turns"):
            self.ask("What is 12.5 percent of 2480?", turns=1)

    def test_without_tools(self):
        self.assertEqual(self.ask("Anything?")["text"], "I do not know.")

    def test_wrong_servers_and_states(self):
        for more, message in [({"model": self.model + "/nothing"}, "the model answered 404"), ({"model": "ftp://127.0.0.1"}, "is no http URL")]:
            with self.subTest(message), self.assertRaisesRegex(Refused, message):
                self.ask("Anything?", **more)
        with self.assertRaisesRegex(Refused, "there is no question"):
            self.ask("  ")

    def test_the_tools(self):
        """Each by itself: what a model may make of it."""
        with Node(self.address) as client:
            def result(function, inputs, arguments, output="results"):
                status, _, body = client.post(function, {inputs: [("a call", 0, json.dumps(arguments).encode())]}, "application/json")
                self.assertEqual(status, 200, body)
                sets = {one["name"]: one["items"] for one in json.loads(body)["sets"]}
                [item] = sets[output]
                self.assertEqual(item["ident"], "a call")
                return json.loads(item["text"])
            for expression, value in [("2 ** 10 - -4 % 3", 1022), ("sqrt(2) * sqrt(2)", 2.0), ("max(1, 2.5) // 1", 2.0), ("7 / 2", 3.5)]:
                self.assertEqual(result("Calculate", "expressions", {"expression": expression}), {"value": value})
            for wrong in ["", None, 7, "1 +", "x", "__import__('os')", "(1).real", "2 ** 9999999", "9 ** 9 ** 9", "1e308 * 10", "(-1) ** 0.5", "sqrt(-1)",
                          "'a' * 9", "True + 1", "min()", "(" * 300 + "1" + ")" * 300, "1" * 2000, "[1][0]"]:
                with self.subTest(wrong):
                    self.assertIn("error", result("Calculate", "expressions", {"expression": wrong}))
            self.assertEqual(len(result("LookUp", "lookups", {})["rows"]), 7)
            self.assertEqual(result("LookUp", "lookups", {"column": "people", "equals": 61000})["rows"][0]["town"], "Grenholm")
            self.assertEqual(result("LookUp", "lookups", {"column": "town", "equals": "Atlantis"}), {"rows": [], "more": 0})
            self.assertIn("there is no column 'mayor'", result("LookUp", "lookups", {"column": "mayor", "equals": "?"})["error"])
            for labels, values in [(["a"], [1, 2]), ([], []), ("ab", [1, 2]), (["a"], ["1"]), (["a"], [True]), (["a"] * 101, [1] * 101), (None, None)]:
                with self.subTest(labels=labels, values=values):
                    self.assertIn("error", result("Plot", "plots", {"title": "t", "labels": labels, "values": values}))


class Plot(unittest.TestCase):
    def test_bars(self):
        """What is drawn is well formed and in place, whatever the labels and signs."""
        tree = ast.parse((HERE.parent / "steps/plot.py").read_text())
        kept = [node for node in tree.body if not (isinstance(node, ast.ImportFrom) and node.module == "dandelion") and getattr(node, "name", "") != "plot"]
        names = {}
        exec(compile(ast.Module(kept, []), "plot.py", "exec"), names)
        drawn = names["picture"]("<b> & co", ["<script>", "b", "c"], [-5, 0, 10])
        root = xml.etree.ElementTree.fromstring(drawn)
        bars = [(float(part.get("x")), float(part.get("width"))) for part in root.iter("{http://www.w3.org/2000/svg}rect")]
        zero = float(next(root.iter("{http://www.w3.org/2000/svg}line")).get("x1"))
        self.assertAlmostEqual(bars[0][0] + bars[0][1], zero, delta=0.2)
        self.assertAlmostEqual(bars[2][0], zero, delta=0.2)
        self.assertAlmostEqual(bars[2][1], 2 * bars[0][1], delta=0.2)
        self.assertNotIn("<script>", drawn)


if __name__ == "__main__":
    unittest.main()
