"""Code that comes with the request."""

import json
import unittest

from surroundings import CLASSES, PythonTests

SETS = (["stdio", "code", "args", "files"], ["stdio", "out"])


class CodeTests(PythonTests):
    def setUp(self):
        for runs in CLASSES:
            made = self.node.register(f"python-{runs}", *SETS, runs=runs)
            self.assertIn(made.status, (200, 201), made.text)

    def each(self):
        for runs in CLASSES:
            with self.subTest(runs):
                yield f"python-{runs}"

    def test_a_script_with_arguments_and_files(self):
        script = ("import csv, sys\nrows = list(csv.DictReader(open('data.csv')))\nprint(sys.argv, input())\n"
                  "open('/out/sum', 'w').write(str(sum(int(row['n']) for row in rows)))\n")
        for name in self.each():
            reply = self.node.invoke(name, [
                ("code", "script.py", script), ("args", "", "one"), ("args", "", "two words"), ("files", "data.csv", "n\n1\n41\n"),
                ("stdio", "stdin", "line\n")])
            self.assertEqual(reply.status, 200, reply.text)
            self.assertEqual(reply.items("stdio")["stdout"], "['/code/script.py', 'one', 'two words'] line\n")
            self.assertEqual(reply.items("out"), {"sum": "42"})

    def test_its_failure_is_the_answer(self):
        for name in self.each():
            reply = self.node.invoke(name, [("code", "script.py", "def f():\n    return 1 / 0\nprint('a')\nf()\n")])
            self.assertEqual(reply.status, 422)
            self.assertEqual(reply.json["exception"], "ZeroDivisionError")
            self.assertEqual(reply.json["stdout"], "a\n")
            self.assertTrue(reply.json["traceback"].startswith(
                'Traceback (most recent call last):\n  File "/code/script.py", line 4, in <module>\n    f()\n'), reply.json["traceback"])

    def test_a_syntax_error_shows_its_place(self):
        for name in self.each():
            told = self.node.invoke(name, [("code", "script.py", "x = 1\nif x\n    pass\n")]).json
            self.assertEqual(told["exception"], "SyntaxError")
            self.assertIn('File "/code/script.py", line 2\n    if x\n', told["traceback"])

    def test_a_limit_holds(self):
        for name in self.each():
            reply = self.node.invoke(name, [("code", "s.py", "while True: pass")], Dandelion_Timeout="1500ms")
            self.assertEqual(reply.status, 504)
            self.assertIn('File "/code/s.py", line 1', reply.json["traceback"])

    def test_waiting_by_the_clock_ends(self):
        script = ("import time\nbegun, loops = time.monotonic(), 0\nwhile time.monotonic() - begun < 0.05: loops += 1\n"
                  "time.sleep(100)\nprint(loops > 1000, time.monotonic() - begun > 100)\n")
        for name in self.each():
            reply = self.node.invoke(name, [("code", "s.py", script)], Dandelion_Timeout="5s")
            self.assertEqual(reply.items("stdio")["stdout"], "True True\n", reply.text)

    def test_standard_input_and_several_files(self):
        for name in self.each():
            reply = self.node.invoke(name, [("stdio", "stdin", "print(6 * 7)")])
            self.assertEqual(reply.items("stdio")["stdout"], "42\n")
            reply = self.node.invoke(name, [("code", "main.py", "import other; print(other.x)"), ("code", "other.py", "x = 5")])
            self.assertEqual(reply.items("stdio")["stdout"], "5\n", reply.text)
            told = self.node.invoke(name, [("code", "a.py", ""), ("code", "b.py", "")]).json
            self.assertEqual(told["message"], "the set 'code' has several files and none is main.py or function.py: a.py, b.py")

    def test_a_handler_can_come_with_the_request(self):
        source = "from dandelion import handler\n@handler\ndef main(args):\n    return sorted(item.text for item in args)\n"
        for name in self.each():
            reply = self.node.invoke(name, [("code", "function.py", source), ("args", "", "b"), ("args", "", "a")])
            self.assertEqual(json.loads(reply.items("out")[""]), ["a", "b"], reply.text)


if __name__ == "__main__":
    unittest.main()
