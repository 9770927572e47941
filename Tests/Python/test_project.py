"""`dandelion new python`, and what its Makefile does."""

import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from surroundings import CLASSES, DANDELION, SDK, PythonTests


class ProjectTests(PythonTests):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        made = self.run_here([DANDELION, "new", "python", "words", "--sdk", str(SDK)], self.folder)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.project = Path(self.folder, "words")

    def run_here(self, command, folder=None, **environment):
        return subprocess.run(
            command, cwd=folder or self.project, capture_output=True, text=True, check=False,
            env=os.environ | {"DANDELION_NODE": self.node.address} | environment)

    def make(self, target, *more):
        return self.run_here(["make", "-s", target, *more])

    def change(self, file, before, after):
        text = (self.project / file).read_text()
        self.assertIn(before, text)
        (self.project / file).write_text(text.replace(before, after))

    def test_from_zero_to_the_node(self):
        ran = self.make("run")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        counts = (self.project / "output_sets/counts/fog.txt.json").read_text()
        self.assertEqual(counts, '{"lines":2,"words":7,"bytes":34}')
        tested = self.make("test")
        self.assertEqual(tested.returncode, 0, tested.stderr)
        self.assertRegex(tested.stderr, r"Ran 2 tests in .*\n\nOK")
        for runs in CLASSES:
            registered = self.make("register", f"CLASS={runs}")
            self.assertEqual((registered.returncode, registered.stdout), (0, "registered function words\n"), registered.stderr)
            invoked = self.make("invoke")
            self.assertEqual(invoked.returncode, 0, invoked.stderr)
            self.assertIn(r'{\"lines\":2,\"words\":7,\"bytes\":34}', invoked.stdout)

    def test_tests_that_fail_say_so(self):
        self.change("function.py", "len(text.split())", "len(text)")
        tested = self.make("test")
        self.assertNotEqual(tested.returncode, 0)
        self.assertIn("test_counts", tested.stderr)

    def test_an_exception_is_a_real_traceback(self):
        self.change("function.py", "text = item.text", "text = item.text.nonesuch")
        ran = self.make("run")
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn('File "/code/function.py", line 11, in count\n    text = item.text.nonesuch', ran.stderr)
        self.assertIn("AttributeError: 'str' object has no attribute 'nonesuch'", ran.stderr)
        self.make("register", "CLASS=process")
        invoked = self.make("invoke")
        self.assertNotEqual(invoked.returncode, 0)
        self.assertIn("AttributeError: 'str' object has no attribute 'nonesuch'", invoked.stderr)
        self.assertIn('File "/code/function.py", line 11, in count', invoked.stderr)

    def test_a_script(self):
        (self.project / "main.py").write_text(
            "import pathlib\nfor path in pathlib.Path('/texts').iterdir():\n"
            "    pathlib.Path('/counts', path.name).write_text(str(len(path.read_text())))\nprint('done')\n")
        self.change("Makefile", "CODE := function.py", "CODE := main.py")
        ran = self.make("run")
        self.assertEqual((ran.returncode, ran.stdout), (0, "done\n"), ran.stderr)
        self.assertEqual((self.project / "output_sets/counts/fog.txt").read_text(), "34")

    def test_an_output_without_a_name_is_its_number(self):
        """As the first example of the documents returns it."""
        (self.project / "function.py").write_text(
            "from dandelion import ItemSet, handler\n\n@handler\ndef count(texts: ItemSet) -> dict[str, int]:\n"
            "    return {'items': len(list(texts))}\n")
        ran = self.make("run")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertEqual((self.project / "output_sets/counts/~0").read_text(), '{"items":2}')
        debugged = self.make("debug")
        self.assertEqual(debugged.returncode, 0, debugged.stderr)
        self.assertEqual((self.project / "build/debug/output_sets/counts/~0").read_text(), '{"items":2}')

    def test_modules_of_ones_own(self):
        (self.project / "helpers").mkdir()
        (self.project / "helpers/__init__.py").write_text("def twice(n): return 2 * n\n")
        self.change("Makefile", "FOLDERS :=", "FOLDERS := helpers")
        self.change("function.py", "from dandelion import", "from helpers import twice\nfrom dandelion import")
        self.change("function.py", "len(item.data)", "twice(len(item.data))")
        ran = self.make("run")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn('"bytes":68', (self.project / "output_sets/counts/fog.txt.json").read_text())

    def test_breakpoint_opens_the_debugger(self):
        self.change("function.py", "        text = item.text", "        breakpoint()\n        text = item.text")
        controller, terminal = pty.openpty()
        process = subprocess.Popen(["make", "-s", "debug"], cwd=self.project, stdin=terminal, stdout=terminal, stderr=terminal)
        os.close(terminal)
        text = self.talk(controller, ["p item.name", "n", "p len(text)", "q"])
        process.wait(30)
        self.assertIn("'fog.txt'", text)
        self.assertRegex(text, r"\b34\b")

    def talk(self, controller, lines):
        text, deadline = "", time.monotonic() + 60
        while time.monotonic() < deadline:
            if not select.select([controller], [], [], 1)[0]:
                continue
            try:
                text += os.read(controller, 4096).decode()
            except OSError:
                break
            if text.endswith("(Pdb) ") and lines:
                os.write(controller, (lines.pop(0) + "\n").encode())
        return text

    def test_mistakes_are_told(self):
        without = self.make("run", "DANDELION_SDK=/nonexistent")
        self.assertIn("no /nonexistent/python/python: build it (./dev python, with --numpy", without.stderr)
        self.change("requirements.txt", "# Pure", "numpy==1.26.4\n# Pure")
        refused = self.make("run")
        if "cannot resolve" in refused.stderr:
            self.skipTest("pip reaches no package index")
        self.assertIn("numpy 1.26.4 has compiled modules, such as ", refused.stderr)
        self.assertNotEqual(refused.returncode, 0)
        self.change("requirements.txt", "numpy==1.26.4", "orjson==3.10.0")
        self.assertIn("OPTIONAL := orjson in the Makefile", self.make("run").stderr)
        left_out = self.make("run", "OPTIONAL=orjson")
        self.assertEqual(left_out.returncode, 0, left_out.stderr)

    def test_types(self):
        mypy = shutil.which("mypy")
        if not mypy:
            print("test_types is skipped: there is no mypy in PATH")
            self.skipTest("there is no mypy in PATH")
        checked = self.make("check")
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.change("function.py", "text = item.text", "text: int = item.text")
        self.assertIn('expression has type "str"', self.make("check").stdout)
        own = self.run_here([mypy, "--strict", "--python-version", "3.11", "--cache-dir", self.folder, "dandelion"], SDK / "python/lib")
        self.assertEqual(own.returncode, 0, own.stdout)


if __name__ == "__main__":
    unittest.main()
