"""Queries on a node of this machine, over data in a folder and in an S3 server, beside given answers and DuckDB."""

import atexit
import collections
import contextlib
import decimal
import functools
import http.server
import re
import subprocess
import sys
import tempfile
import threading
import types
import unittest
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.parquet

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import running  # noqa: E402
from dandelion_sql import Refused, cli, manifest, planner  # noqa: E402
from ssb import write  # noqa: E402

SSB = dict(re.findall(r"-- (Q\d\.\d)\n(.*?);", (HERE.parent / "ssb/queries.sql").read_text(), re.S))
VARIANTS = (HERE / "variants.sql").read_text().split("\n", 1)[1].strip().split(";\n")
# Queries over TPC-H's tables: after its 22, whose numbers they have, and others.
TPCH = dict(re.findall(r"-- (\S+)\n(.*?);", (HERE / "tpch.sql").read_text(), re.S))


def comparable(value):
    """Numbers of different types are compared by nine digits."""
    if isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool):
        return f"{float(value):.9g}"
    return str(value)


def comparable_rows(rows):
    return collections.Counter(tuple(map(comparable, row)) for row in rows)


@functools.cache
def shared_node():
    """The address of the node of all cases without settings of their own; it ends with the tests."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(running.node(stack.enter_context(tempfile.TemporaryDirectory())))[0]


class QueryCase(unittest.TestCase):
    """A node, and tables made by `make` in a folder."""

    settings = {}

    @classmethod
    def make(cls, folder):
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.data = cls.folder / "data"
        cls.data.mkdir()
        cls.make(cls.data)
        cls.address = cls.enterClassContext(running.node(cls.folder / "node", **cls.settings))[0] if cls.settings else shared_node()
        cls.duckdb = duckdb.connect()
        for path in cls.data.iterdir():
            if path.suffix != ".json":
                cls.duckdb.execute(f"create view {path.stem} as select * from '{path}{'/*.parquet' if path.is_dir() else ''}'")

    def query(self, sql, data=None, functions=(), address=None, memory="512MiB"):
        options = types.SimpleNamespace(
            data=str(data or self.data), node=address or self.address, operators=running.BUILT / "sql", memory=memory, timeout="60s",
            explain=False, function=list(functions))
        names, rows, self.timing = cli.run(sql, options)
        return names, rows

    def same(self, sql):
        """The same rows as DuckDB's. (Their order is the query's only as far as it tells them apart.)"""
        _, rows = self.query(sql)
        expected = self.duckdb.execute(sql).fetchall()
        self.assertEqual(comparable_rows(rows), comparable_rows(expected), sql)

    def refused(self, sql, message, **more):
        with self.subTest(sql), self.assertRaisesRegex(Refused, message):
            self.query(sql, **more)


class StarSchema(QueryCase):
    """The Star Schema Benchmark at scale factor 0.1: the generator, and all queries, against the public generator's answers."""

    @classmethod
    def make(cls, folder):
        write.write(0.1, folder, 3)

    def answers(self, name):
        return [tuple(line.split("\t")) for line in (HERE / f"expected/{name}.tsv").read_text().splitlines()]

    def test_all_queries(self):
        self.assertEqual(len(SSB), 13)
        for name, sql in SSB.items():
            with self.subTest(name):
                _, rows = self.query(sql)
                self.assertEqual(collections.Counter(tuple(map(str, row)) for row in rows), collections.Counter(self.answers(name)))

    def test_variants(self):
        for sql in VARIANTS:
            with self.subTest(sql):
                self.same(sql)

    def test_order(self):
        """Q3.1 sorts by year, and by falling revenue within it."""
        _, rows = self.query(SSB["Q3.1"])
        self.assertEqual(rows, sorted(rows, key=lambda row: (row[2], -row[3])))

    def test_fan_out(self):
        """A sandbox for each partition of the fact table, one for the dates, and the last step."""
        self.query(SSB["Q1.1"])
        self.assertEqual(self.timing["sandboxes"], 3 + 1 + 1)

    def test_functions(self):
        names = running.register_functions(self.address)
        _, rows = self.query("select quarter_of(lo_orderdate) q, count(*) from lineorder group by 1 order by q", functions=names)
        self.assertEqual((len(rows), rows[0][0], sum(row[1] for row in rows)), (27, 19921, 600597))
        if "matches" not in names:
            self.skipTest("there is no Python image: ./dev python builds it")
        _, rows = self.query("""select c_city, sum(lo_revenue) from lineorder, customer
            where lo_custkey = c_custkey and c_region = 'EUROPE' and matches(c_city, '^UNITED KI[15]$') group by c_city order by 1""", functions=names)
        _, expected = self.query("""select c_city, sum(lo_revenue) from lineorder, customer
            where lo_custkey = c_custkey and c_city in ('UNITED KI1', 'UNITED KI5') group by c_city order by 1""")
        self.assertEqual(rows, expected)
        self.assertTrue(rows)

    def test_functions_that_lie(self):
        """What a function gives harms its own query only, which says so."""
        if not running.PYTHON.exists():
            self.skipTest("there is no Python image: ./dev python builds it")
        client = self.enterContext(running.Node(self.address))
        table = ("table.py", (HERE.parent / "dandelion_sql/table.py").read_bytes())
        bodies = {
            "short": ("return table.write('value', [1], table.INTEGER)", "was given [0-9]+ rows and gave 1 values"),
            "garbage": ("return b'dnbatch1' + b'\\xff' * 100", "what the function gave is wrong: a table has too many columns"),
            "nothing": ("return b''", "what the function gave is wrong: a table ends too early"),
            "other": ("return table.write('another', [1] * len(table.read(rows[0].content)[1]), table.INTEGER)", "one column `value`"),
            "raising": ("raise ValueError('no')", "^no$"),
            "endless": ("while True: pass", "1 ?s|time"),
        }
        for name, (body, message) in bodies.items():
            code = f"import table\nfrom dandelion import handler\n@handler\ndef f(rows):\n    {body}\n"
            running.register(client, name, "rows,code", {"image": [("image", running.PYTHON.read_bytes())], "code": [("function.py", code.encode()), table]}, "1s")
            with self.subTest(name), self.assertRaisesRegex(Refused, message):
                self.query(f"select sum({name}(lo_tax)) from lineorder", functions=[name])
        self.assertEqual(self.query("select count(*) from lineorder")[1], [(600597,)])

    def test_pruning(self):
        """Partitions whose least and largest keys cannot fulfil the condition are not read."""
        _, rows = self.query("select count(*) from lineorder where lo_orderkey < 100")
        self.assertEqual(self.timing["sandboxes"], 2)
        self.assertGreater(rows[0][0], 50)

    def test_command(self):
        command = [sys.executable, HERE.parent / "dandelion-sql", "--data", self.data, "--node", self.address, "--operators", running.BUILT / "sql"]
        done = subprocess.run([*command, "--timeline", "select count(*) from date"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "2556\n"), done.stderr)
        self.assertRegex(done.stderr, r"sandboxes +2\.000")
        explained = subprocess.run([*command, "--explain", SSB["Q2.1"]], capture_output=True, text=True, check=True).stdout
        self.assertIn("composition query_", explained)
        self.assertIn("(join t1 inner (lo_partkey) (part.p_partkey) (\"part.p_brand1\"))", explained)
        wrong = subprocess.run([*command, "select nothing from date"], capture_output=True, text=True, check=False)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("line 1, column 8: there is no column 'nothing' here", wrong.stderr)


class Tpch(QueryCase):
    """Decimals, dates, joins of large tables, beside DuckDB on the same files."""

    @classmethod
    def make(cls, folder):
        subprocess.run([running.tool("tpchgen-cli"), "parquet", "-s", "0.01", f"--output-dir={folder}", "-c", "SNAPPY"], check=True, capture_output=True)
        manifest.write(folder)

    def test_queries(self):
        self.assertLessEqual({f"Q{number}" for number in range(1, 23)}, set(TPCH))
        for name, sql in TPCH.items():
            with self.subTest(name):
                self.same(sql)

    def test_one_scan_of_a_view(self):
        """What WITH names runs once, whoever uses it."""
        self.query(TPCH["Q15"])
        # lineitem, revenue; what joins it, the largest of it; supplier, the end.
        self.assertEqual(self.timing["sandboxes"], 2 + 2 + 2)

    def test_overflow(self):
        for sql in ["select p_size * 9223372036854775807 from part", "select sum(9223372036854775807 * p_size) from part",
                    "select cast(o_totalprice as decimal(4, 2)) from orders", "select p_size + 9223372036854775807 from part"]:
            with self.subTest(sql), self.assertRaisesRegex(Refused, "too large"):
                self.query(sql)


class Values(QueryCase):
    """NULLs, and what writers of Parquet do, beside DuckDB on the same files."""

    @classmethod
    def make(cls, folder):
        number = 20000
        day = [None if i % 7 == 0 else i - 5000 for i in range(number)]
        columns = {
            "i": pyarrow.array([None if i % 3 == 0 else i * 37 % 1000 - 500 for i in range(number)], pyarrow.int64()),
            "j": pyarrow.array([i // 10 for i in range(number)], pyarrow.int32()),
            "t": pyarrow.array([None if i % 5 == 0 else f"t\u00e4xt {i % 11}" for i in range(number)]),
            "u": pyarrow.array([f"unique {i}" for i in range(number)]),
            "x": pyarrow.array([None if i % 4 == 0 else i / 8 - 100 for i in range(number)]),
            "f": pyarrow.array([i / 4 for i in range(number)], pyarrow.float32()),
            "b": pyarrow.array([None if i % 6 == 0 else i % 2 == 0 for i in range(number)]),
            "d": pyarrow.array(day, pyarrow.date32()),
            "m": pyarrow.array([None if i % 9 == 0 else decimal.Decimal(i * 12345 - 7) / 100 for i in range(number)], pyarrow.decimal128(15, 2)),
            "w": pyarrow.array([decimal.Decimal(10) ** 26 + i for i in range(number)], pyarrow.decimal128(38, 4)),
            "n": pyarrow.array([None] * number, pyarrow.int64()),
        }
        table = pyarrow.table(columns)
        pyarrow.parquet.write_table(table, folder / "plain.parquet", use_dictionary=False, compression="none", row_group_size=7000)
        pyarrow.parquet.write_table(table, folder / "coded.parquet", compression="snappy", data_page_size=2000, row_group_size=6000)
        pyarrow.parquet.write_table(table, folder / "second.parquet", compression="snappy", data_page_version="2.0", dictionary_pagesize_limit=2000,
                                    data_page_size=5000, store_decimal_as_integer=True)
        small = pyarrow.table({"k": pyarrow.array([1, 2, 2, None, 400], pyarrow.int64()), "name": ["one", "two", "deux", "none", "much"], "t": ["t\u00e4xt 1", None, "t\u00e4xt 2", "t\u00e4xt 2", "?"]})
        pyarrow.parquet.write_table(small, folder / "small.parquet")
        manifest.write(folder)

    def test_all_writers(self):
        for table in ("plain", "coded", "second"):
            for sql in [
                "select count(*), count(i), count(t), count(b), count(n), sum(i), min(i), max(i), sum(n), min(t), max(t), avg(x), sum(f) from T",
                "select sum(m), min(m), max(m), min(d), max(d), sum(w), max(w), avg(m), min(x), max(f), min(b) from T",
                "select t, count(*), sum(i), sum(m) from T group by t", "select i, t, b, count(*) from T where j < 300 group by i, t, b",
                "select count(*) from T where i > 10 or t = 't\u00e4xt 3'", "select count(*) from T where not (i > 10 or t = 't\u00e4xt 3')",
                "select count(*) from T where b", "select count(*) from T where not b", "select count(*) from T where i is null and t is not null",
                "select u, i, x from T where u like 'unique 1_' or u = 'unique 777' order by u", "select d, m, w from T where d between date '1960-01-01' and date '1960-03-01'",
                "select i + j, i - x, m * 2, m + 1.005, -m, i % 7, i / 4 from T where j = 77", "select case when i > 0 then 'p' when i < 0 then 'n' end s, count(*) from T group by 1",
                "select i, u from T order by i desc nulls first, u limit 5 offset 2", "select i, u from T order by i, u limit 5", "select distinct b, t from T",
                "select coalesce(i, j, 0) from T where j between 10 and 12", "select count(*) from T where t in ('t\u00e4xt 1', 't\u00e4xt 2')",
                "select name, count(*) from T, small where i = k group by name", "select name, count(*) from T, small where T.t = small.t and i = k group by name",
                "select count(*), count(name) from T left join small on i = k", "select sum(case when b then m else 0 end) from T",
                "select year(d), month(d), count(*) from T where d is not null group by 1, 2", "select count(*) from T where f = x + 100",
                "select count(*) c from T group by i having count(*) > 13 and min(j) >= 0 order by c limit 3", "select sum(i) from T where i > 100000",
                "select d + 1, d - date '1970-01-01' from T where j = 3", "select substring(t, 2, 3), count(*) from T group by 1",
            ]:
                with self.subTest(table=table, sql=sql):
                    self.same(sql.replace("T", table).replace(f"{table}.t", f"{table}.t"))

    def test_refused_files(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, table, options, message in [
                ("zip", {"a": [1]}, {"compression": "zstd"}, "compressed"),
                ("list", {"a": [[1]]}, {}, "nested"),
                ("stamp", {"a": pyarrow.array([1], pyarrow.timestamp("us"))}, {}, "no operator knows"),
            ]:
                path = Path(folder, f"{name}.parquet")
                pyarrow.parquet.write_table(pyarrow.table(table), path, **options)
                with self.subTest(name), self.assertRaisesRegex(Refused, message):
                    manifest.build(folder)
                path.unlink()

    def test_broken_chunks(self):
        """Bytes that are no column chunk are an error that names the column, whatever they are."""
        broken = self.folder / "broken"
        broken.mkdir()
        good = (self.data / "coded.parquet").read_bytes()
        start, length = manifest.parse((self.data / manifest.NAME).read_bytes(), "")["tables"]["coded"]["groups"][0]["chunks"]["t"][:2]
        (broken / manifest.NAME).write_bytes((self.data / manifest.NAME).read_bytes())
        failures = 0
        for place in range(0, length, max(1, length // 60)):
            bad = bytearray(good)
            bad[start + place] ^= 0xFF
            (broken / "coded.parquet").write_bytes(bad)
            try:
                self.query("select t, count(*) from coded where j < 100 group by t", data=broken)
            except Refused as error:
                failures += 1
                self.assertNotRegex(str(error), "was stopped|fault", f"byte {place}")
        self.assertGreater(failures, 5)


class Storage(QueryCase):
    """The same over S3, with chunks as ranges; storage that does not answer as it should."""

    @classmethod
    def setUpClass(cls):
        if running.tool("juicefs") is None:
            raise unittest.SkipTest("juicefs is not installed")
        cls.store = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.endpoint, _ = cls.enterClassContext(running.s3_server(cls.store / "s3"))
        cls.settings = {"endpoint": cls.endpoint}
        super().setUpClass()
        cls.place = running.upload(cls.data, "ssb")

    @classmethod
    def make(cls, folder):
        write.write(0.01, folder, 4)

    def test_same_as_folder(self):
        for name, sql in SSB.items():
            with self.subTest(name):
                self.assertEqual(self.query(sql, self.place), self.query(sql))
                self.assertTrue(name != "Q1.1" or self.timing["requests"] == 0)

    def test_requests(self):
        """Four partitions of four columns, and two columns of the dates."""
        self.query(SSB["Q1.1"], self.place)
        self.assertEqual(self.timing["requests"], 4 * 4 + 2)

    def test_answers_reserve_nothing(self):
        """A node that has no memory for one of the largest answers has enough for those that come."""
        with running.node(self.folder / "small", endpoint=self.endpoint, memory="112MiB") as (address, _):
            self.assertEqual(self.query(SSB["Q1.1"], self.place, address=address, memory="48MiB"), self.query(SSB["Q1.1"]))

    def test_wrong_key(self):
        with running.node(self.folder / "wrong", endpoint=self.endpoint, secret="another one") as (address, _):
            with self.assertRaisesRegex(Refused, "the storage did not send column .*403"):
                self.query(SSB["Q1.1"], self.place, address=address)

    def test_missing_object(self):
        running.storage.S3(running.BUCKET, "gone").write(manifest.NAME, (self.data / manifest.NAME).read_bytes())
        with self.assertRaisesRegex(Refused, "the storage did not send column .*404"):
            self.query(SSB["Q1.1"], f"s3://{running.BUCKET}/gone")

    def test_no_manifest(self):
        with self.assertRaisesRegex(Refused, "manifest.json.*404"):
            self.query(SSB["Q1.1"], f"s3://{running.BUCKET}/nowhere")


class Ranges(http.server.SimpleHTTPRequestHandler):
    """A web server that knows ranges, unless `whole` is set."""

    whole = False

    def do_GET(self):
        data = Path(self.translate_path(self.path)).read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = data[int(asked[1]):int(asked[2]) + 1] if asked and not self.whole else data
        self.send_response(206 if asked and not self.whole else 200)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_):
        pass


class Web(QueryCase):
    """Files of a web server, fetched by the node's HTTP function."""

    @classmethod
    def make(cls, folder):
        write.write(0.01, folder, 2)
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Ranges, directory=folder))
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)
        cls.place = f"http://127.0.0.1:{cls.server.server_port}"

    def test_same_as_folder(self):
        self.assertEqual(self.query(SSB["Q2.1"], self.place), self.query(SSB["Q2.1"]))

    def test_no_ranges(self):
        self.addCleanup(setattr, Ranges, "whole", False)
        Ranges.whole = True
        with self.assertRaisesRegex(Refused, "the whole object in place of a range"):
            self.query(SSB["Q1.1"], self.place)


if __name__ == "__main__":
    unittest.main()
