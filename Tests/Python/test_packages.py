"""Packages that are named in requirements.txt, in a function. Needs a package index that pip reaches."""

import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

from surroundings import CLASSES, LONG, SDK, PythonTests

REQUIREMENTS = ["attrs", "jinja2", "markdown-it-py", "networkx", "pydantic<2", "pyyaml", "sqlglot"]

FUNCTION = """
import attrs, jinja2, networkx, pydantic, sqlglot, yaml
from markdown_it import MarkdownIt
from dandelion import Outputs, handler

@attrs.define
class Point:
    x: int = attrs.field(converter=int)

class Order(pydantic.BaseModel):
    count: int
    names: list[str] = []

@handler
def main(texts):
    graph = networkx.Graph([(1, 2), (2, 3), (3, 4), (1, 4), (4, 5)])
    return {
        "attrs": Point("3").x,
        "jinja2": jinja2.Template("{% for n in ns %}{{ n }};{% endfor %}<{{ t|e }}>").render(ns=[1, 2], t="a&b"),
        "markdown": MarkdownIt().render("# *Hi*"),
        "networkx": networkx.shortest_path(graph, 1, 5),
        "pydantic": Order.parse_raw('{"count": "4", "names": ["a"]}').dict(),
        "pyyaml": yaml.safe_load("a: [1, 2.5, ~]\\nb: {c: yes}"),
        "sqlglot": sqlglot.transpile("SELECT IFNULL(a, 1) FROM t LIMIT 3", read="mysql", write="tsql")[0],
    }
"""

EXPECTED = {
    "attrs": 3, "jinja2": "1;2;<a&amp;b>", "markdown": "<h1><em>Hi</em></h1>\n", "networkx": [1, 4, 5],
    "pydantic": {"count": 4, "names": ["a"]}, "pyyaml": {"a": [1, 2.5, None], "b": {"c": True}},
    "sqlglot": "SELECT TOP 3 ISNULL(a, 1) FROM t",
}


class PackageTests(PythonTests):
    def bundle(self, *requirements):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        listed = Path(folder.name, "requirements.txt")
        listed.write_text("\n".join(requirements))
        output = Path(folder.name, "packages.zip")
        done = subprocess.run([sys.executable, SDK / "python/bundle.py", listed, output], capture_output=True, text=True, check=False)
        if "cannot resolve" in done.stderr and "No matching distribution" not in done.stderr or "Connection" in done.stderr:
            print(f"{self.id()} is skipped: pip reaches no package index")
            self.skipTest("pip reaches no package index")
        return done, output

    @unittest.skipUnless(LONG, "downloads twenty packages; ./dev test --long does it")
    def test_real_packages_work(self):
        done, output = self.bundle(*REQUIREMENTS)
        self.assertEqual(done.returncode, 0, done.stderr)
        for runs in CLASSES:
            with self.subTest(runs):
                made = self.node.handler(
                    FUNCTION, inputs=["texts"], runs=runs, memory="256MiB", more=[("code", "packages.zip", output.read_bytes())])
                self.assertIn(made.status, (200, 201), made.text)
                reply = self.node.request("POST", "/v1/invoke/f", b"", {"Content-Type": "application/octet-stream"})
                self.assertEqual(reply.status, 200, reply.text)
                self.assertEqual(reply.json, EXPECTED)

    def test_a_pure_package_is_bundled(self):
        done, output = self.bundle("markdown-it-py==3.0.0")
        self.assertEqual(done.returncode, 0, done.stderr)
        with zipfile.ZipFile(output) as archive:
            self.assertTrue({"markdown_it/main.py", "mdurl/__init__.py"} <= set(archive.namelist()))
            self.assertIsNone(archive.testzip())

    def test_compiled_packages_are_refused_by_name(self):
        done, output = self.bundle("orjson==3.10.0")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"bundle: orjson 3\.10\.0 has compiled modules, such as orjson/orjson\S*\.so, which cannot "
                                      r"be loaded in a sandbox: .*OPTIONAL := orjson in the Makefile")
        self.assertFalse(output.exists())

    def test_unknown_packages_are_told(self):
        done, _ = self.bundle("no-such-package-as-this-one-here==1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("No matching distribution found for no-such-package-as-this-one-here==1", done.stderr)


if __name__ == "__main__":
    unittest.main()
