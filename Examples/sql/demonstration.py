"""What `demo.py` shows: data in an S3 server, all queries, functions of the user's, refusals."""

import re
import types

import running
from dandelion_sql import Refused, cli
from ssb import write

FACTOR = 0.1
QUERIES = dict(re.findall(r"-- (Q\d\.\d)\n(.*?);", (running.HERE / "ssb/queries.sql").read_text(), re.S))


class Demo:
    def __init__(self, address, data):
        self.options = types.SimpleNamespace(
            data=data, node=address, operators=running.BUILT / "sql", memory="512MiB", timeout="60s", explain=False, function=[])

    def run(self, sql):
        return cli.run(sql, self.options)

    def show(self, sql, most=5):
        names, rows, timing = self.run(sql)
        print("  " + " ".join(sql.split()))
        print("    " + "\t".join(names))
        for row in rows[:most]:
            print("    " + "\t".join(map(cli.shown, row)))
        if len(rows) > most:
            print(f"    ... {len(rows) - most} more rows")
        told = {word: f"{timing.get(word, 0):.1f} ms" for word in ("total", "run", "communication")}
        print(f"  total {told['total']}; {timing['sandboxes']:.0f} sandboxes ran {told['run']} together, {timing['requests']:.0f} requests took {told['communication']}\n")
        return rows

    def all_queries(self):
        wrong = []
        for name, sql in QUERIES.items():
            _, rows, timing = self.run(sql)
            expected = (running.HERE / f"tests/expected/{name}.tsv").read_text().splitlines()
            right = sorted("\t".join(map(str, row)) for row in rows) == sorted(expected)
            wrong += [] if right else [name]
            print(f"  {name}  {timing['client']:7.1f} ms  {len(rows):4} rows  {timing['sandboxes']:3.0f} sandboxes  {timing['requests']:3.0f} requests  {'right' if right else 'WRONG'}")
        return wrong

    def refused(self, sql):
        try:
            self.run(sql)
        except Refused as error:
            print("  " + str(error).replace("\n", "\n  ") + "\n")
            return
        raise Refused(f"this was to be refused: {sql}")


def demo(folder, class_):
    print(f"== Data: the Star Schema Benchmark at scale factor {FACTOR}, as Parquet files in an S3 server")
    manifest = write.write(FACTOR, folder / "data")
    for name, table in manifest["tables"].items():
        print(f"  {name:<10} {table['rows']:>7} rows, {len(table['groups'])} partitions")
    with running.s3_server(folder / "s3") as (endpoint, _):
        place = running.upload(folder / "data", "ssb")
        with running.node(folder / "node", endpoint=endpoint, class_=class_) as (address, _):
            here = Demo(address, place)
            print(f"\n== A query, in class {class_}: a composition fetches column chunks, joins and sums them, a sandbox for each partition")
            here.show(QUERIES["Q2.3"])
            print("== All 13, beside the answers that are known")
            wrong = here.all_queries()
            print("\n== Functions of the user's in a query: one in C" + (", one in Python" if running.PYTHON.exists() else ""))
            here.options.function = running.register_functions(address)
            here.show("select quarter_of(lo_orderdate) as quarter, sum(lo_revenue) as revenue from lineorder group by 1 order by 1", 3)
            if "matches" in here.options.function:
                here.show("""select c_city, sum(lo_revenue) as revenue from lineorder, customer
                    where lo_custkey = c_custkey and c_region = 'EUROPE' and matches(c_city, '^UNITED KI[15]$') group by c_city order by 1""")
            print("== What is not done is told with its place")
            here.refused("select d_year, median(lo_revenue) from lineorder, date where lo_orderdate = d_datekey group by d_year")
        print("== A node with a wrong key for the storage")
        with running.node(folder / "wrong", endpoint=endpoint, class_=class_, secret="not the secret") as (address, _):
            Demo(address, place).refused(QUERIES["Q1.1"])
    return wrong
