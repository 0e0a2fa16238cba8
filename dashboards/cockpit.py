"""The board *Cockpit*, the health of everything: what runs, what waits, what was refused, how old the marts are."""

from dashboards import changes, streaming
from dashboards.boards import Board
from dashboards.panels import BYTES, COUNT, RED, SECONDS, SHARE, YELLOW, Panel, number, text, time
from dashboards.sources import AIRFLOW, MYSQL

BOARD = Board(
    uid="storeline-cockpit",
    title="Cockpit",
    about="What runs and what waits, what was refused and why, and how old the marts are.",
    since="now-24h",
    refresh="1m",
    panels=(
        Panel(
            "DAGs",
            "Each DAG's last run, with its duration so far if it is still running.",
            "table",
            AIRFLOW,
            """select
    d.dag_id as dag,
    case when d.is_paused then 'paused' else 'on' end as switch,
    coalesce(r.state, 'never ran') as state,
    r.start_date as started,
    extract(epoch from coalesce(r.end_date, now()) - r.start_date)::float as duration
from dag as d
left join lateral (
    select state, start_date, end_date from dag_run
    where dag_id = d.dag_id and start_date is not null
    order by start_date desc limit 1
) as r on true
where not d.is_stale
order by d.dag_id""",
            (text("dag"), text("switch"), text("state"), time("started"), number("duration", SECONDS)),
            height=8,
        ),
        Panel(
            "Marts",
            "Age of each mart, as a share of MARTS_FRESHNESS_LIMIT_MINUTES.",
            "table",
            MYSQL,
            """select
    mart, row_count as number_of_rows, built_at as built, age_seconds as age,
    age_seconds / limit_seconds as used
from ops.mart_freshness
order by age_seconds desc, mart""",
            (
                text("mart"),
                number("number_of_rows"),
                time("built"),
                number("age", SECONDS),
                number("used", SHARE, (0.8, YELLOW), (1.0, RED)),
            ),
            height=8,
            link="/d/storeline-shop",
        ),
        *streaming.PANELS,
        *changes.PANELS,
        Panel(
            "Rows copied",
            "Rows of each copy from PostgreSQL to MySQL.",
            "timeseries",
            MYSQL,
            """select ended_at as time, row_count as number_of_rows
from ops.runs
where job = 'replicate' and state = 'succeeded' and $__timeFilter(ended_at)
order by ended_at""",
            (time(), number("number_of_rows")),
        ),
        Panel(
            "Last verification",
            "Each table's contents are compared before a copy becomes visible: when, and how long it took.",
            "table",
            MYSQL,
            """select
    t.table_name as name, t.row_count as number_of_rows, t.byte_count as size, r.ended_at as verified,
    t.copy_seconds as copy, t.check_seconds as verification
from ops.run_tables as t
inner join ops.runs as r on t.run_id = r.run_id
where r.run_id = (select max(run_id) from ops.runs where job = 'replicate' and state = 'succeeded')
    and t.content_hash is not null
order by t.table_name""",
            (
                text("name"),
                number("number_of_rows"),
                number("size", BYTES),
                time("verified"),
                number("copy", SECONDS),
                number("verification", SECONDS),
            ),
        ),
        Panel(
            "Replica against the source",
            "What verify_replica and storeline verify found last in each table: rows that differ, and rows to come.",
            "table",
            MYSQL,
            """select
    table_name as name, verified_at as verified, row_count as number_of_rows, differing, behind
from ops.verifications as v
where verified_at = (select max(verified_at) from ops.verifications as l where l.table_name = v.table_name)
order by differing desc, table_name""",
            (
                text("name"),
                time("verified"),
                number("number_of_rows"),
                number("differing", COUNT, (1, RED)),
                number("behind"),
            ),
            width=24,
        ),
        Panel(
            "Batch runs that failed",
            "The latest ten, each with its error in one line.",
            "table",
            MYSQL,
            """select ended_at as ended, job, state, message
from ops.runs
where state in ('failed', 'dead') and $__timeFilter(ended_at)
order by ended_at desc
limit 10""",
            (time("ended"), text("job"), text("state"), text("message")),
            width=24,
            height=6,
        ),
    ),
)
