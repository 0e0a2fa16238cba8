"""Measure the copy of TPC-H: rows/s and rows per CPU-second (P3), and a worker's memory at two sizes (P4).

Usage: python -m bench.tpch [--runs N] [--scale FACTOR]

The tables come from `tpchgen-cli`; `--scale 1` is 8.66 M rows. P4 is also measured at a tenth of the scale.
"""

import argparse
import shutil
import subprocess
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from bench.contents import differing
from bench.contestants import COPY, UNVERIFIED, database_of, timed
from bench.copy import versions
from bench.meter import Meter
from bench.report import Result, publish, rotated
from bench.rivals.environment import folder_of, version_of
from bench.stack import HOME, bench_stack
from native.stack import Stack
from storeline.stores import postgres
from storeline.tables import SOURCE_SCHEMA

RIVAL = "raw-pipe"
NAMES = (COPY, UNVERIFIED, RIVAL)
SMALLEST = 0.01  # below, TPC-H's generator repeats keys of partsupp
PREFIX = "tpch_"  # the shop has `orders` too
# TPC-H's types, but for two that the copy does not carry: char(n) is varchar(n), and a date is the moment it begins.
COLUMNS = {
    "region": "r_regionkey integer primary key, r_name varchar(25), r_comment varchar(152)",
    "nation": "n_nationkey integer primary key, n_name varchar(25), n_regionkey integer, n_comment varchar(152)",
    "supplier": """s_suppkey bigint primary key, s_name varchar(25), s_address varchar(40), s_nationkey integer,
        s_phone varchar(15), s_acctbal numeric(15,2), s_comment varchar(101)""",
    "part": """p_partkey bigint primary key, p_name varchar(55), p_mfgr varchar(25), p_brand varchar(10),
        p_type varchar(25), p_size integer, p_container varchar(10), p_retailprice numeric(15,2),
        p_comment varchar(23)""",
    "partsupp": """ps_partkey bigint, ps_suppkey bigint, ps_availqty integer, ps_supplycost numeric(15,2),
        ps_comment varchar(199), primary key (ps_partkey, ps_suppkey)""",
    "customer": """c_custkey bigint primary key, c_name varchar(25), c_address varchar(40), c_nationkey integer,
        c_phone varchar(15), c_acctbal numeric(15,2), c_mktsegment varchar(10), c_comment varchar(117)""",
    "orders": """o_orderkey bigint primary key, o_custkey bigint, o_orderstatus varchar(1), o_totalprice numeric(15,2),
        o_orderdate timestamptz, o_orderpriority varchar(15), o_clerk varchar(15), o_shippriority integer,
        o_comment varchar(79)""",
    "lineitem": """l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber integer,
        l_quantity numeric(15,2), l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2),
        l_returnflag varchar(1), l_linestatus varchar(1), l_shipdate timestamptz, l_commitdate timestamptz,
        l_receiptdate timestamptz, l_shipinstruct varchar(25), l_shipmode varchar(10), l_comment varchar(44),
        primary key (l_orderkey, l_linenumber)""",
}
TABLES = [f"{PREFIX}{name}" for name in COLUMNS]
Figures = defaultdict[str, list[float]]


def main() -> None:
    """Load both sizes, run all in rotated order, publish the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="TPC-H's scale factor (1)")
    options = parser.parse_args()
    stack = bench_stack("postgres", "mysql", "spark")
    results: list[Result] = []
    with stack:
        for scale, names in ((max(options.scale / 10, SMALLEST), (COPY,)), (options.scale, NAMES)):
            rows = load(stack, scale)
            rates, efficiencies, memory = measure(stack, rows, names, options.runs)
            case = f"TPC-H at scale {scale:g}, {rows:,} rows"
            results.append(Result("P4", f"{case}: largest Python worker", "", "MiB", memory[COPY], []))
            if RIVAL in names:
                results[:0] = [
                    Result("P3", f"{case}, {how}", RIVAL, unit, of[name], of[RIVAL])
                    for of, unit in ((rates, "rows/s"), (efficiencies, "rows/CPU-s"))
                    for name, how in ((UNVERIFIED, "rows and warnings checked"), (COPY, "contents verified"))
                ]
        configuration = {"scale": options.scale, "runs": options.runs, "slots": stack.settings.spark_batch_cores}
        found = versions(stack) | {"tpchgen-cli": version_of("tpchgen", "tpchgen-cli")}
        publish("copy_tpch", ("pyspark", "mysql-connector-python", "psycopg2-binary"), found, configuration, results)
    stack.delete()


def load(stack: Stack, scale: float) -> int:
    """Fill the source's tables with TPC-H at a scale; return the number of rows."""
    folder, rows = HOME / "tpch", 0
    shutil.rmtree(folder, ignore_errors=True)
    program = str(folder_of("tpchgen") / "bin" / "tpchgen-cli")
    subprocess.run((program, "csv", "-s", str(scale), "--output-dir", str(folder)), check=True, capture_output=True)
    with closing(postgres.owner(stack.settings).connect()) as connection, connection, connection.cursor() as cursor:
        for name, columns in COLUMNS.items():
            table = f"{SOURCE_SCHEMA}.{PREFIX}{name}"
            cursor.execute(f"drop table if exists {table}; create table {table} ({columns})")
            with Path(folder, f"{name}.csv").open() as lines:
                cursor.copy_expert(f"copy {table} from stdin (format csv, header)", lines)
                rows += cursor.rowcount
    shutil.rmtree(folder)
    return rows


def measure(stack: Stack, rows: int, names: tuple[str, ...], runs: int) -> tuple[Figures, Figures, Figures]:
    """Return rows/s, rows per CPU-second and a worker's MiB of each run."""
    rates, efficiencies, memory = Figures(list), Figures(list), Figures(list)

    def run(name: str) -> float:
        with Meter(stack) as meter:
            outcome, _ = timed(name, stack, TABLES)
        changed = [table for table in TABLES if differing(stack.settings, database_of(name), table)]
        if outcome.failed or changed:
            raise SystemExit(f"bench.tpch: {name}: {outcome.failed or changed}")
        rates[name].append(rows / outcome.seconds)
        efficiencies[name].append(rows / meter.cpu_seconds)
        memory[name].append(meter.worker_mib)
        return rates[name][-1]

    rotated({name: lambda name=name: run(name) for name in names}, runs)  # type: ignore[misc]
    return rates, efficiencies, memory


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"bench.tpch: {' '.join(error.cmd[-3:])}: {error.stderr[-2000:]}") from None
