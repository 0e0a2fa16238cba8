"""From nothing to marts and a report: start the stack, fill the shop, let Airflow copy, build marts and make the sales.

Usage: python -m native.demo [BEGIN]    (`make demo`; BEGIN: its start, in seconds since 1970)

A second run finds everything in place and only shows it.
"""

import contextlib
import sys
import time
from collections.abc import Callable
from contextlib import closing

from native.airflow_api import Airflow
from native.places import DEMO, REPORT
from native.stack import SERVICES, Stack
from native.web import WebError
from storeline.errors import StorelineError
from storeline.settings import Settings, load
from storeline.stores import mysql
from storeline.stores.query import query
from storeline.text_table import text_table

COPY, MARTS = "replicate_postgres_to_mysql", "create_data_marts"
STREAM, SALES, VERIFY = "kafka_to_postgres_streaming", "sales_pipeline", "verify_replica"
SHOWN = ("UserOrders", "ProductSales")
SECONDS_TO_WAIT = 600
BY_REGION = """select import_date, region, sum(sales_count) as sales, sum(sales_amount) as amount,
    round(amount / sales, 2) as average from sales.sales_summary group by 1, 2 order by 1, 4 desc limit 20"""
LINKS = """
Airflow           http://127.0.0.1:{airflow_port}  (login {airflow_admin_user}, password AIRFLOW_ADMIN_PASSWORD in .env)
Spark master      http://127.0.0.1:{spark_master_ui_port}
Spark history     http://127.0.0.1:{spark_history_port}
MySQL             mysql -h {mysql_host} -P {mysql_port} -u {mysql_analyst_user} -p   (MYSQL_ANALYST_PASSWORD in .env)
PostgreSQL        psql -h {postgres_host} -p {postgres_port} -U {postgres_reader_user} {postgres_db}
                  (POSTGRES_READER_PASSWORD in .env)
Report            {report}   (recreate it with make report)
Status            bin/storeline status
Events            bin/storeline lag, bin/storeline redrive
Ask MySQL         bin/storeline sql 'select * from marts.UserOrders order by total_amount desc limit 10'
Ask ClickHouse    bin/storeline sql --on clickhouse 'select * from sales.sales_summary limit 10'
Stop              make stop"""


def main(arguments: list[str]) -> None:
    """Run the demo. Exits with one line, and a failed task's log, on an error."""
    begin = float(arguments[0]) if arguments else time.time()
    try:
        settings = load()
        run(Stack(DEMO, settings), settings)
        print(f"\nReady after {time.time() - begin:.0f} s.")
    except StorelineError as error:
        sys.exit(f"demo: {error}")
    except KeyboardInterrupt:
        sys.exit("demo: interrupted; `make demo` continues from here, `make stop` stops everything")


def run(stack: Stack, settings: Settings) -> None:
    """Run each step and print how long it took."""
    servers = [name for name in SERVICES if name != "producers"]
    step("PostgreSQL, MySQL, ClickHouse, Kafka, Spark and Airflow answer", lambda: stack.start(servers))
    step("the shop is filled", lambda: stack.run("generators.shop", "--if-empty"))
    step("the producers run", lambda: stack.start(("producers",)))
    airflow = Airflow(settings)
    step(f"{COPY} and {SALES} are unpaused", lambda: unpause(airflow, COPY, SALES))
    step("the replica is copied", lambda: wait_for(airflow, COPY))
    # Unpaused earlier, it would run twice: for the hour that has passed, and for the copy.
    step(f"{MARTS} is unpaused and the marts are built", lambda: build_marts(airflow, settings))
    step(f"{STREAM} is unpaused and lands events", lambda: land_events(airflow, settings))
    step(f"{VERIFY} is unpaused and finds no difference", lambda: verify(airflow))
    step(f"the sales of a week ({settings.sales_rows:,} rows) are in ClickHouse", lambda: wait_for(airflow, SALES))
    if not REPORT.exists():
        step("the report is ready", lambda: stack.run("notebooks.report", str(REPORT)))
    show(settings)


def unpause(airflow: Airflow, *dags: str) -> None:
    """Unpause DAGs; run one again if its last run, in an earlier demo, failed."""
    for dag in dags:
        airflow.unpause(dag)
        if [run["state"] for run in airflow.runs(dag)][:1] == ["failed"]:
            airflow.trigger(dag)


def step(what: str, do: Callable[[], object]) -> None:
    """Run a step and print what it reached, with its seconds."""
    begin = time.monotonic()
    do()
    print(f"  {time.monotonic() - begin:6.1f} s  {what}", flush=True)


def wait_for(airflow: Airflow, dag: str) -> None:
    """Wait until a DAG has succeeded. Raises StorelineError when it fails or takes too long."""
    wait_until(lambda: airflow.has_succeeded(dag), f"{dag} has not succeeded")


def build_marts(airflow: Airflow, settings: Settings) -> None:
    """Build the marts and wait until they can be read. Raises StorelineError."""
    unpause(airflow, MARTS)
    wait_for(airflow, MARTS)
    wait_until(lambda: set(SHOWN) <= tables(settings, "marts"), "no marts")


def land_events(airflow: Airflow, settings: Settings) -> None:
    """Start the stream and wait until an order from Kafka is in the shop. Raises StorelineError."""
    unpause(airflow, STREAM)
    landed = "select count(*) from source.orders where web_order_id is not null"
    wait_until(lambda: query(settings, landed, "postgres")[1] != [(0,)], f"no event: see the runs of {STREAM}")


def verify(airflow: Airflow) -> None:
    """Compare the replica with the shop, and wait until it has succeeded. Raises StorelineError."""
    unpause(airflow, VERIFY)
    wait_for(airflow, VERIFY)


def wait_until(is_true: Callable[[], bool], otherwise: str) -> None:
    """Ask each second until the answer is yes. Raises StorelineError after SECONDS_TO_WAIT."""
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while time.monotonic() < deadline:
        # On a busy machine a request may time out; the next one is answered.
        with contextlib.suppress(WebError):
            if is_true():
                return
        time.sleep(1)
    raise StorelineError(f"after {SECONDS_TO_WAIT} s: {otherwise}")


def tables(settings: Settings, database: str) -> set[str]:
    """Return the tables of a database that the analyst can see."""
    with closing(mysql.analyst(settings).connect()) as connection:
        return mysql.tables_of(connection, database)


def show(settings: Settings) -> None:
    """Print the replica's row counts, the first rows of two marts, the sales, and where everything is."""
    with closing(mysql.analyst(settings).connect()) as connection:
        counts = [
            (name, mysql.ask(connection, f"select count(*) from replica.{mysql.quote(name)}")[0][0])
            for name in sorted(mysql.tables_of(connection, "replica"))
        ]
    print("\nThe replica in MySQL\n" + text_table(("table", "rows"), counts))
    for mart in SHOWN:
        names, rows = query(settings, f"select * from marts.{mysql.quote(mart)} limit 5")
        print(f"\nmarts.{mart}\n{text_table(names, rows)}")
    print("\nsales.sales_summary in ClickHouse, by region\n" + text_table(*query(settings, BY_REGION, "clickhouse")))
    links = {name.lower(): value for name, value in settings.values.items()}
    print(LINKS.format_map({**links, "report": REPORT}))


if __name__ == "__main__":
    main(sys.argv[1:])
