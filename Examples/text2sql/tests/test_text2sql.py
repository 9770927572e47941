"""The workflow with a real database, and a stand-in for the model that checks what it is asked."""

import ast
import json
import os
import sqlite3
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import accuracy  # noqa: E402
import workflow  # noqa: E402
from database import make_into  # noqa: E402
from questions import QUESTIONS  # noqa: E402
from standin import KNOWN  # noqa: E402
from workflow import Refused  # noqa: E402


@unittest.skipUnless(workflow.running.PYTHON.exists(), "there is no Python image: ./dev python builds it")
class Text2SQL(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.address, cls.settings = cls.enterClassContext(workflow.everything())

    def ask(self, question, **settings):
        answer, self.timing = workflow.ask(self.address, self.settings | settings, question)
        return answer

    def test_answers(self):
        answer = self.ask("How many books are there?")
        self.assertEqual((answer["rows"], answer["text"], answer["attempts"]), ([{"books": 40}], "40", 1))
        # Three steps in Python; schema, model and database.
        self.assertEqual((self.timing["sandboxes"], self.timing["requests"]), (3, 3))
        author = self.ask("Which author wrote the most pages?")
        with sqlite3.connect(":memory:") as database:
            make_into(database)
            expected = database.execute("select name, (select sum(pages) from books where author_id = a.id) p from authors a order by p desc").fetchone()
        self.assertEqual(tuple(author["rows"][0].values()), expected)
        self.assertEqual([row["city"] for row in self.ask("How many loans were never returned, by city?")["rows"]], ["Basel", "Bern", "Zurich"])

    def test_second_attempt(self):
        """SQL that the database refuses, and words that are no SQL, go back to the model once."""
        for question in ("Which book is the oldest?", "Who borrowed the most books?"):
            with self.subTest(question):
                answer = self.ask(question)
                self.assertEqual((answer["attempts"], len(answer["rows"])), (2, 1))
                self.assertEqual(self.timing["requests"], 4 if question.startswith("Which") else 3)

    def test_gives_up(self):
        self.assertEqual(len(KNOWN["What is the meaning of life?"]), 2)
        with self.assertRaisesRegex(Refused, "no SQL that answers the question, in two attempts: the answer holds no SELECT.*cannot say that in SQL"):
            self.ask("What is the meaning of life?")

    def test_wrong_servers(self):
        for settings, message in [
            ({"model": self.settings["model"] + "/nothing"}, "the model answered 404"),
            ({"model": "ftp://127.0.0.1/v1"}, "is no http URL"),
            ({"database": self.settings["database"] + "x", "schema_request": self.settings["schema_request"].replace("library", "libraryx")}, "the database answered 404"),
            ({"model_name": 7}, "the stand-in objects: a model's name"),
        ]:
            with self.subTest(settings), self.assertRaisesRegex(Refused, message):
                self.ask("How many books are there?", **settings)

    def test_the_key_is_the_operators(self):
        """The stand-in wants a key, which the node sends to that host alone, and which is in nothing that functions get."""
        self.assertEqual(self.ask("How many books are there?")["attempts"], 1)
        self.assertNotIn(workflow.KEY, json.dumps(self.settings))
        with self.assertRaisesRegex(Refused, "the model answered 401.*the key is wrong or missing"):
            self.ask("How many books are there?", model=self.settings["model"].replace("127.0.0.1", "localhost"))

    def test_empty_question(self):
        with self.assertRaisesRegex(Refused, "the question is empty"):
            self.ask("  ")

    def test_writes_are_refused(self):
        """The database is served for reading: what a model says cannot change it."""
        before = self.ask("How many books are there?")["rows"]
        import urllib.error
        import urllib.parse
        import urllib.request
        for sql in ("delete from books", "select 1; drop table books"):
            with self.assertRaises(urllib.error.HTTPError):
                urllib.request.urlopen(f"{self.settings['database']}.json?{urllib.parse.urlencode({'sql': sql})}")
        self.assertEqual(self.ask("How many books are there?")["rows"], before)


@unittest.skipUnless(os.environ.get("DANDELION_LONG_TESTS"), "--long asks a real model")
@unittest.skipUnless(workflow.running.PYTHON.exists(), "there is no Python image: ./dev python builds it")
class RealModel(unittest.TestCase):
    """A small language model, which is often wrong: every question ends with rows of the database, or says why not."""

    def test_questions(self):
        try:
            address, settings = self.enterContext(workflow.everything("real"))
        except RuntimeError as error:
            self.skipTest(str(error))
        outcomes = accuracy.outcomes(address, settings)
        self.assertEqual(set(outcomes), set(QUESTIONS))
        answered = [outcome for outcome in outcomes.values() if outcome["attempts"]]
        self.assertTrue(all(outcome["right"] or "problem" in outcome or outcome["attempts"] for outcome in outcomes.values()))
        # Its SQL came from the model: it knows how to count the rows of one table.
        self.assertGreater(len(answered), len(QUESTIONS) // 2)
        self.assertTrue(outcomes["How many members are there?"]["right"])
        print(f"{sum(outcome['right'] for outcome in outcomes.values())} of {len(outcomes)} questions were answered rightly")


class Extract(unittest.TestCase):
    """Where the SQL is in what models say."""

    @classmethod
    def setUpClass(cls):
        # The function runs in a sandbox; what it computes needs none of what it imports there.
        tree = ast.parse((HERE.parent / "steps/extract.py").read_text())
        kept = [node for node in tree.body if isinstance(node, ast.Import) or (isinstance(node, ast.FunctionDef) and node.name == "sql_of")
                or (isinstance(node, ast.Assign) and node.targets[0].id == "BLOCK")]
        names = {}
        exec(compile(ast.Module(kept, []), "extract.py", "exec"), names)
        cls.sql_of = staticmethod(names["sql_of"])

    def test_words(self):
        for words, sql in [
            ("```sql\nselect 1 from t;\n```", "select 1 from t"),
            ("Sure:\n```\nSELECT a\nFROM t\n```\nDone.", "SELECT a\nFROM t"),
            ("select count(*) from books; -- all", "select count(*) from books"),
            ("```sql\nwith x as (select 1) select * from x\n```", "with x as (select 1) select * from x"),
            ("I would select the best.", None), ("", None), ("```sql\ndrop table t\n```", None), ("select", None), ("SELECT 42", "SELECT 42"),
        ]:
            self.assertEqual(self.sql_of(words), sql, json.dumps(words))


if __name__ == "__main__":
    unittest.main()
