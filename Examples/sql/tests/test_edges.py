"""NULLs, duplicates, tables without rows, names in any case, and mistakes, which are told where they stand."""

import datetime
import decimal
import random
import re
import unittest

import pyarrow
import pyarrow.parquet
from test_queries import HERE, QueryCase, Refused, manifest, planner

QUERIES = [part.split("\n", 1)[1] if part.startswith("--") else part for part in (HERE / "edges.sql").read_text().strip().split(";\n")]
DAY = datetime.date

# The query -> what is said of it; "line 1, column N: " stands before most.
REFUSED = {
    "select s + 1 from a": r"column 8: \+ does not take a text: a.s \+ 1",
    "select sum(s) from a": "column 12: SUM takes a number; a.s is a text",
    "select * from a where k = 'x'": "column 23: a number and a text do not go together in a.k = 'x'",
    "select * from a where d > 5": "column 23: a date and a number do not go together",
    "select * from a where d > 'soon'": "column 27: 'soon' is no date",
    "select date '2020-02-30' from a": "column 13: '2020-02-30' is no date",
    "select * from a where v": "column 23: a condition takes a boolean; a.v is a number",
    "select * from a where k like '1%'": "column 23: LIKE takes a text",
    "select year(k) from a": "column 13: YEAR takes a date",
    "select case when k > 1 then 'x' else 2 end from a": "column 18: a text and a number do not go together",
    "select k from a where s in (select k from b)": "column 23: a text and a number do not go together",
    "select k from a where v > (select max(s) from b)": "column 23: a number and a text do not go together",
    "select cast(s as integer) from a": "column 13: there is no cast of a text to INT",
    "select k, v from a group by k": "column 11: column a.v stands in no GROUP BY",
    "select k, (select max(w) from b where b.w = a.v) from a group by k": "column 45: column a.v stands in no GROUP BY",
    "select max(sum(v)) from a": "column 12: an aggregate stands within another one",
    "select * from a where sum(v) > 1": "column 23: an aggregate stands in SELECT, HAVING and ORDER BY",
    "select missing from a": "column 8: there is no column 'missing' here",
    "select a.missing from a": "column 10: there is no column 'missing' here",
    "select sum(v) from a where k > q.m": "column 34: there is no column 'm' here",
    "select k from a, b": "column 8: column 'k' is in several tables",
    "select *\nfrom a, missing": "line 2, column 9: there is no table 'missing'; there are a, b, caps",
    "select k from a order by nothing": "column 26: there is no column 'nothing' here",
    "select * from a where": "column 17: something is missing here",
    "select , k from a": "column 8: something is missing here, or a comma is too many",
    "select k, from a": "column 11: something is missing here, or a comma",
    "select from a": "a SELECT has at least one result",
    "select a.k from a, join b on a.k = b.k": "column 20: something is missing here, or a comma",
    "select a.k from a left join b on a.k = n.k join n on n.k = a.k": "column 40: column n.k is of a table that is joined later",
    "select k from a where k in (1, 2,)": "column 34: something is missing here, or a comma",
    "select k from a where k between 1 3": "column 25: BETWEEN has an AND",
    "select k from a where (k between 1) and k = 3": "column 26: BETWEEN has an AND",
    "select max(k from a": r"column 11: the '\)' of this is missing",
    "select k) from a": r"column 9: a '\)' too many",
    "select y.k from (select k from a left join select b on k = 1) y": "column|cannot be understood",
    "select k from a having sum is (v) > 1": "column",
    "select max(t1 = v) from a": "column 12: there is no column 't1' here",
    "select k from a union select k from b": "column 8: only SELECT is done, not UNION",
    "delete from a": "only SELECT is done, not DELETE",
    "select k, row_number() over () from a": "column 11: window functions are not done",
    "select median(v) from a": "column 8: the aggregate median is not done",
    "select * from a full join b on a.k = b.k": "joins are inner, cross, left or right",
    "select * from a limit -1": "LIMIT is a whole number",
    "select s || 'x' from a": "column 8: s || 'x': no operator does this".replace("|", r"\|"),
    "select k from a where (k, v) in (select k, w from b)": "this query has one column, not 2",
    "select k from a where v > any (select w from b)": "column 39: ANY is not done",
    "select d + interval '1' month from a": "column 21: beside a column, an interval is a whole number of days",
    "select k from a where exists (select 1 from b where exists (select 1 from n where n.k = a.k))": "a query inside the inner one",
    "select k from a where v in (select w from b where b.k = a.k limit 1)": "LIMIT in a query that uses columns of the outer one",
    "select k from a where v > (select sum(w) from b where b.k < a.k)": "the outer query's columns are compared by =",
    "select a.k, (select w from b where b.k = a.k) from a": "^a query that stands for one value gives several rows$",
    "select k from a where v = (select w from b)": "^a query that stands for one value gives several rows$",
    "select v + 1 from a": r"too large for its type: v \+ 1$",
    "select k from a where v * 1.5 > 2 * (v - 1)": "too large for its type",
    "select cast(v as decimal(5,1)) from a": r"too large for its type: cast of v to decimal\(5,1\)$",
}


class Edges(QueryCase):
    @classmethod
    def make(cls, folder):
        def money(*values):
            return pyarrow.array([None if value is None else decimal.Decimal(value) for value in values], pyarrow.decimal128(7, 2))
        a = pyarrow.table({
            "k": pyarrow.array([1, 2, 2, None, 3, 3, None, 5, 7, 7], pyarrow.int64()),
            "v": pyarrow.array([10, None, 20, 30, None, 5, 7, 0, -3, 2**63 - 1], pyarrow.int64()),
            "s": ["x", "y", None, "x", "", "z", "y", "x", None, "Zz"],
            "d": [DAY(2020, 1, 31), None, DAY(2020, 2, 29), DAY(1969, 12, 31), DAY(2021, 3, 1), DAY(2020, 1, 31), None, DAY(1, 1, 1),
                  DAY(9999, 12, 31), DAY(2020, 12, 31)],
            "m": money("1.50", None, "-2.25", "0.00", "99999.99", None, "1.50", "2.00", "3.33", "4.00"),
            "x": [0.0, -0.0, 1.5, None, 2.5, 1e300, -1e300, 0.1, None, 3.0],
            "b": [True, False, None, True, True, False, None, True, False, None]})
        b = pyarrow.table({
            "k": pyarrow.array([2, 2, 3, None, 4, None, 7], pyarrow.int32()), "w": pyarrow.array([1, 2, None, 4, 5, 6, 7], pyarrow.int64()),
            "s": ["x", None, "y", "y", "q", "", None], "m": [1.5, None, 2.0, 0.0, 1.5, 3.33, 4.0]})
        n = pyarrow.table({"k": pyarrow.array([None, None], pyarrow.int64()), "s": pyarrow.array([None, None], pyarrow.string())})
        caps = pyarrow.table({"K": pyarrow.array([1, 2], pyarrow.int64()), "My Col": ["p", "q"]})
        for name, table, rows in [("a", a, 3), ("b", b, 2), ("n", n, 2), ("caps", caps, 2), ("e", b.slice(0, 0), 2)]:
            pyarrow.parquet.write_table(table, folder / f"{name}.parquet", row_group_size=rows)
        # A file without even an empty row group.
        pyarrow.parquet.ParquetWriter(folder / "e1.parquet", b.schema).close()
        manifest.write(folder)

    def test_like_duckdb(self):
        self.assertGreater(len(QUERIES), 100)
        for sql in QUERIES:
            with self.subTest(sql):
                self.same(sql)

    def test_refused(self):
        for sql, message in REFUSED.items():
            self.refused(sql, message)

    def test_any_mistake_is_told(self):
        """Queries with words lost, exchanged and added are planned or refused, and nothing else."""
        known = manifest.parse((self.data / manifest.NAME).read_bytes(), "")
        random_, words = random.Random(5), re.compile(r"'[^']*'|[\w.]+|<>|<=|>=|\S")
        vocabulary = [word for sql in QUERIES for word in words.findall(sql)]
        refused = 0
        for _ in range(400):
            parts = words.findall(random_.choice(QUERIES))
            for _ in range(random_.choice([1, 1, 2, 3])):
                place = random_.randrange(len(parts))
                parts[place:place + random_.choice([0, 1, 1])] = random_.choice([[], [random_.choice(vocabulary)]])
            with self.subTest(" ".join(parts)):
                try:
                    planner.plan(" ".join(parts), known)
                except Refused:
                    refused += 1
        self.assertGreater(refused, 200)

    def test_division_by_zero(self):
        """Gives NULL, where DuckDB gives infinity."""
        self.assertEqual(self.query("select v / 0, m / (k - k), x / 0, v % 0 from a where k = 1")[1], [(None, None, None, None)])

    def test_a_result_that_is_too_large(self):
        product = "select count(*) from a a1, a a2, a a3, a a4, a a5, a a6"
        self.assertEqual(self.query(product)[1], [(1000000,)])
        self.refused(product.replace("count(*)", "a1.s, a2.s, a3.v, a4.v, a5.d, a6.d").replace("a a6", "a a6, a a7"), "memory of the function is full|time")


if __name__ == "__main__":
    unittest.main()
