"""Measure P10: the weekly sales from generation to ClickHouse, against Faker row by row and row inserts.

Usage: python -m bench.sales [--runs N] [--rows N]

Each step runs as the process that Airflow would start, on the benchmark's own cluster. The rival makes fewer rows,
because it is slow, and runs in this process; rows/s are compared.
"""

import argparse
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from datetime import date

from bench.copy import versions
from bench.report import Result, publish, rotated
from bench.rivals import faker_sales
from bench.stack import bench_stack, job_environment, submission
from native.places import VENV
from native.stack import Stack
from storeline.accounts import POSTGRES_SALES
from storeline.sales.steps import STEPS, Step
from storeline.sales.transfer import SCHEMA, TABLE
from storeline.stores import clickhouse, postgres

RIVAL, THEIR_ROWS = "faker-rows", 20_000
RUN_DATE, THEIR_DATE = date(2026, 11, 24), date(2026, 11, 17)
Seconds = defaultdict[str, list[float]]


def main() -> None:
    """Run both in rotated order and publish the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    stack = bench_stack("postgres", "mysql", "clickhouse", "spark", SALES_ROWS=str(options.rows))
    with stack:
        walls, works = Seconds(list), Seconds(list)
        reached = rotated(
            {"ours": lambda: ours(stack, options.rows, walls, works), RIVAL: lambda: theirs(stack)}, options.runs
        )
        pushed, pulled = handed_over(stack, options.runs)
        results = [
            Result("P10", f"{options.rows:,} sales, all steps, starts included", RIVAL, "rows/s", *reached.values()),
            Result("P10", "all steps, starts included", "", "s", total(walls), []),
            Result("P10", "all steps, work", "", "s", total(works), []),
            *(Result("P10", f"{step.name}, work", "", "s", works[step.name], []) for step in STEPS),
            Result("P10", "the summary into ClickHouse, pushed", "clickhouse-pull", "ms", pushed, pulled),
        ]
        configuration = {"rows": options.rows, "their_rows": THEIR_ROWS, "slots": stack.settings.spark_batch_cores}
        publish("sales", ("pyspark", "pyarrow", "faker", "chdb-core"), versions(stack), configuration, results)
    stack.delete()


def ours(stack: Stack, rows: int, walls: Seconds, works: Seconds) -> float:
    """Run all steps; return rows per second."""
    for step in STEPS:
        began = time.monotonic()
        subprocess.run(command(stack, step), env=job_environment(stack), check=True, capture_output=True)
        walls[step.name].append(time.monotonic() - began)
    with closing(postgres.reader(stack.settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select step, seconds from ops.sales_steps where run_date = %s", (RUN_DATE,))
        for name, seconds in cursor.fetchall():
            works[name].append(seconds)
    return rows / sum(seconds[-1] for seconds in walls.values())


def command(stack: Stack, step: Step) -> list[str]:
    """Return the command of a step."""
    if step.is_on_spark:
        job = f"{step.module.replace('.', '/')}.py"
        return submission(stack, job, str(RUN_DATE), cores=stack.settings.spark_batch_cores)
    return [str(VENV / "bin" / "python"), "-m", step.module, str(RUN_DATE)]


def theirs(stack: Stack) -> float:
    """Do the same row by row; return rows per second."""
    began = time.monotonic()
    faker_sales.pipeline(stack.settings, THEIR_ROWS, THEIR_DATE)
    return THEIR_ROWS / (time.monotonic() - began)


def total(seconds: Seconds) -> list[float]:
    """Return each run's sum over all steps."""
    return [sum(run) for run in zip(*seconds.values(), strict=True)]


def handed_over(stack: Stack, runs: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds for pushing rows to ClickHouse in Arrow format, and for ClickHouse pulling them."""
    s = stack.settings
    place = f"'{s.postgres_host}:{s.postgres_port}', '{s.postgres_db}', 'sales_summary', '{s.user(POSTGRES_SALES)}'"
    columns = ", ".join(SCHEMA.names[1:])
    source = f"postgresql({place}, '{s.password(POSTGRES_SALES)}', 'sales') where run_date = '{RUN_DATE}'"
    pull = f"insert into sales.pulled select run_date, {columns} from {source}"
    with closing(clickhouse.connect(s, is_loader=True)) as client:
        for name in ("pushed", "pulled"):
            client.command(f"create table if not exists sales.{name} as {TABLE}")
        rows = client.driver.query_arrow(f"select * from {TABLE} where import_date = '{RUN_DATE}'").cast(SCHEMA)

        def timed(name: str, work: Callable[[], None]) -> float:
            client.command(f"truncate table sales.{name}")
            began = time.monotonic()
            work()
            return 1000 * (time.monotonic() - began)

        reached = rotated(
            {
                "pushed": lambda: timed("pushed", lambda: client.insert_arrow("sales.pushed", rows)),
                "pulled": lambda: timed("pulled", lambda: client.command(pull)),
            },
            runs,
        )
    return reached["pushed"], reached["pulled"]


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"bench.sales: {' '.join(error.cmd[-3:])}: {error.stderr.decode()[-2000:]}") from None
