"""What the caller of a function that fails is told."""

import textwrap
import unittest

from surroundings import CLASSES, PythonTests


def handler(body, parameters=""):
    return f"import sys\nfrom dandelion import *\n\n@handler\ndef main({parameters}):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"


class FailureTests(PythonTests):
    def test_an_exception_is_told(self):
        source = handler("""
            print("so far")
            print("and aside", file=sys.stderr)
            value = float(numbers.only.text)
            """, "numbers")
        for runs in CLASSES:
            with self.subTest(runs):
                told = self.failure(source, [("numbers", "n", "twelve")], runs=runs)
                self.assertEqual(told["type"], "urn:dandelion:problem:functionFailed")
                self.assertEqual(told["exception"], "ValueError")
                self.assertEqual(told["message"], "could not convert string to float: 'twelve'")
                self.assertEqual(told["detail"], "function 'f' failed: ValueError: could not convert string to float: 'twelve'")
                self.assertEqual((told["stdout"], told["stderr"]), ("so far\n", "and aside\n"))
                lines = told["traceback"].splitlines()
                self.assertEqual(lines[0], "Traceback (most recent call last):")
                self.assertEqual(lines[1], '  File "/code/function.py", line 9, in main')
                self.assertEqual(lines[2].strip(), "value = float(numbers.only.text)")
                self.assertEqual(lines[-1], "ValueError: could not convert string to float: 'twelve'")

    def test_its_words_are_left_as_they_are(self):
        """Also those that look like paths of the node's machine: else it could find out which ones there are."""
        text = "/usr/bin/env /etc/hosts /nonexistent/x"
        told = self.failure(handler(f"print('{text}')\nraise ValueError('{text}')"))
        self.assertEqual((told["message"], told["stdout"]), (text, text + "\n"))
        self.assertTrue(told["detail"].endswith(text) and told["traceback"].endswith(text + "\n"))

    def test_causes_and_groups(self):
        told = self.failure(handler("""
            try:
                {}["x"]
            except KeyError as error:
                raise RuntimeError("outer") from error
            """))
        self.assertIn("KeyError: 'x'", told["traceback"])
        self.assertTrue(told["traceback"].endswith("RuntimeError: outer\n"), told["traceback"])
        told = self.failure(handler('raise ExceptionGroup("several", [ValueError("a"), TypeError("b")])'))
        self.assertEqual(told["exception"], "ExceptionGroup")
        self.assertIn("TypeError: b", told["traceback"])

    def test_exceptions_that_cannot_be_told(self):
        told = self.failure(handler("""
            class Bad(Exception):
                def __str__(self):
                    raise KeyError("never")
            raise Bad
            """))
        self.assertIn("Bad", told["exception"])

    def test_own_classes_have_their_module(self):
        told = self.failure("class Mine(Exception): pass\n" + handler('raise Mine("a\\0b")'))
        self.assertEqual((told["exception"], told["message"]), ("function.Mine", "ab"))

    def test_what_a_function_has_not_is_told_as_such(self):
        for body, exception, words in (
                ("import subprocess\nsubprocess.run(['ls'])", "OSError", "no processes"),
                ("import os\nos.fork()", "OSError", "no processes"),
                ("import multiprocessing as m\nm.Process(target=print).start()", "OSError", "no processes"),
                ("import socket\nsocket.create_connection(('127.0.0.1', 80))", "OSError", "no network"),
                ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1')", "urllib.error.URLError", "no network"),
                ("import ssl", "ModuleNotFoundError", "no network"),
                ("import ctypes", "ModuleNotFoundError", "cannot load compiled code"),
                ("import concurrent.futures as c\nc.ProcessPoolExecutor()", "ModuleNotFoundError", "no processes"),
                ("import curses", "ModuleNotFoundError", "no terminal"),
                ("import numpy", "ModuleNotFoundError", "the image python-numpy has it"),
                ("import nosuch.part", "ModuleNotFoundError", "'nosuch' is neither in the image nor in the set 'code'")):
            with self.subTest(body):
                told = self.failure(handler(body))
                self.assertEqual(told["exception"], exception, told["message"])
                self.assertIn(words, told["message"])
                self.assertIn(words, told["traceback"].splitlines()[-1])

    def test_recursion(self):
        told = self.failure("def deeper(n):\n    return deeper(n + 1)\n" + handler("deeper(0)"))
        self.assertEqual(told["exception"], "RecursionError")
        self.assertLess(len(told["traceback"]), 20000)

    def test_memory(self):
        for body in ("data = []\nwhile True: data.append(bytes(1 << 20))", "return bytes(1 << 40)", "d = {}\nwhile True: d[len(d)] = [d]"):
            for runs in CLASSES:
                with self.subTest(body=body, runs=runs):
                    told = self.failure(handler(body), runs=runs)
                    self.assertEqual(told["exception"], "MemoryError")
                    self.assertIn("the function's memory is used up", told["message"])
                    self.assertIn("/code/function.py", told["traceback"])

    def test_long_messages_are_bounded(self):
        told = self.failure(handler('raise ValueError("x" * 1000000)'))
        self.assertEqual(len(told["message"]), 16 << 10)
        self.assertLess(len(told["detail"]), 2000)
        self.assertLess(len(told["traceback"]), 64 << 10)

    def test_exit_codes(self):
        for code, status, text in ((0, None, ""), (3, "3", ""), ("'all wrong'", "1", "all wrong\n")):
            self.node.handler(handler(f"sys.exit({code})"), outputs=["out", "stdio"])
            reply = self.node.invoke("f")
            self.assertEqual((reply.status, reply.fields.get("dandelion-exit-code")), (200, status), reply.text)
            self.assertEqual(reply.items("stdio")["stderr"], text)

    WHERE = r'^  File "/code/function.py", line (9|10), in main\n    (while True:|total \+= step\(total\))\n'

    def test_a_deadline_tells_the_line(self):
        source = handler("""
            print("begun", flush=True)
            total = 0
            while True:
                total += step(total)
            """) + "\ndef step(n):\n    return n % 7\n"
        for runs in CLASSES:
            with self.subTest(runs):
                told = self.failure(source, runs=runs, timeout="1500ms", status=504)
                self.assertRegex(told["traceback"], self.WHERE)
                self.assertEqual(told["stdout"], "begun\n")
        self.node.handler(source)
        told = self.node.invoke("f", Dandelion_Timeout="1500ms")
        self.assertEqual(told.status, 504)
        self.assertRegex(told.json["traceback"], self.WHERE)

    def test_handlers_and_sets_that_do_not_fit(self):
        cases = {
            "the handler's parameter 'wrong' names no input set of this function; there are: numbers":
                handler("return 1", "wrong"),
            "the handler returned items for 'other', which is no output set; there are: out": handler("return Outputs(other=1)"),
            "item 0 for the output set 'out' is of type object, which cannot be stored": handler("return object()"),
            "item 1 for the output set 'out' is of type set": handler("return Items([1, {2}])"),
            "has the key -1; keys are numbers from 0 to 4294967295": handler("return Item('a', key=-1)"),
            "has the key 4294967296": handler("return Item('a', key=1 << 32)"),
            "has a name that is no text but of type int": handler("return Item('a', name=3)"),
            "must be an ordinary one": handler("return 1", "*numbers"),
        }
        for expected, source in cases.items():
            with self.subTest(expected):
                told = self.failure(source)
                self.assertEqual(told["exception"], "HandlerError")
                self.assertIn(expected, told["message"])

    def test_several_output_sets_are_named(self):
        told = self.failure(handler("return 1"), outputs=["a", "b"])
        self.assertIn("return dandelion.Outputs(a=..., b=...)", told["message"])
        told = self.failure(handler("return 1"), outputs=["stdio"])
        self.assertIn("has no output set", told["message"])

    def test_a_path_of_no_set(self):
        told = self.failure(handler('open("/result/x", "w")'))
        self.assertIn("the function has no set 'result' (input sets: numbers, code; output sets: out)", told["message"])

    def test_modules_that_cannot_be_imported(self):
        for source, kind, words in (("import nonesuch", "ModuleNotFoundError", "No module named 'nonesuch'"),
                                    ("def f(:", "SyntaxError", "invalid syntax"),
                                    ("from dandelion import handler\n@handler\ndef a(): pass\n@handler\ndef b(): pass\n", "HandlerError", "two handlers: a and b")):
            for runs in CLASSES:
                with self.subTest(source=source, runs=runs):
                    made = self.node.handler(source, runs=runs, name="g")
                    told = made.json if made.status == 422 else self.node.invoke("g").json
                    self.assertEqual(told["exception"], kind, told)
                    self.assertIn(words, told["message"])
                    self.node.request("DELETE", "/v1/functions/g")

    def test_a_module_without_a_handler(self):
        self.assertIn("has no function with the decorator @dandelion.handler", self.failure("x = 1")["message"])

    def test_what_needs_a_machine_fails_at_once(self):
        for body, kind in (("import socket; socket.socket()", "OSError"), ("import os; os.fork()", "OSError"),
                           ("import subprocess; subprocess.run(['ls'])", "OSError"), ("import ctypes", "ModuleNotFoundError"),
                           ("import urllib.request; urllib.request.urlopen('http://localhost')", "URLError"),
                           ("open('/etc/shadow')", "FileNotFoundError")):
            with self.subTest(body):
                told = self.failure(handler(body))
                self.assertIn(kind.split("Error")[0], told["exception"] + told["traceback"])

    def test_compositions_end_with_it(self):
        self.node.handler(handler("raise ValueError('inner')"), inputs=["numbers"], name="f")
        text = b"function f(numbers, code) => (out);\ncomposition C(numbers) => (out) { f(numbers = all numbers) => (out = out); }"
        made = self.node.request("PUT", "/v1/compositions/C", text)
        self.addCleanup(self.node.request, "DELETE", "/v1/compositions/C")
        self.assertLess(made.status, 300, made.text)
        told = self.node.invoke("C", [("numbers", "n", "1")])
        self.assertEqual((told.status, told.json["exception"], told.json["function"]), (422, "ValueError", "f"))


if __name__ == "__main__":
    unittest.main()
