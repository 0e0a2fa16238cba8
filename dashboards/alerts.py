"""Alert rules: what needs attention. Grafana evaluates them every minute; a query returns a number per label set."""

from dataclasses import dataclass
from typing import Any

from dashboards import changes, cockpit, sales
from dashboards.boards import Board
from dashboards.panels import Panel
from dashboards.sources import AIRFLOW, CLICKHOUSE, MYSQL, POSTGRES, Source
from dashboards.streaming import WAITING
from storeline.health import STUCK_SECONDS

# The producers break one event in a hundred on purpose (PRODUCE_BROKEN_SHARE).
DEAD_SHARE, DEAD_AT_LEAST = 0.05, 20
WEEK_DAYS = 7


@dataclass(frozen=True)
class Rule:
    """A rule fires when its number is above `limit` for `minutes`; `panel` shows the details."""

    uid: str
    title: str
    hand: str
    source: Source
    sql: str
    limit: float
    minutes: int
    board: Board
    panel: str

    def json(self) -> dict[str, Any]:
        """Return the rule in Grafana's provisioning format."""
        window = {"from": 600, "to": 0}
        asked = self.source.target(self.sql)
        compared = {
            "refId": "B",
            "type": "threshold",
            "expression": "A",
            "datasource": {"type": "__expr__", "uid": "__expr__"},
            "conditions": [{"evaluator": {"type": "gt", "params": [self.limit]}}],
        }
        return {
            "uid": self.uid,
            "title": self.title,
            "condition": "B",
            "for": f"{self.minutes}m",
            # No data is fine; a database that does not answer is not.
            "noDataState": "OK",
            "execErrState": "Error",
            "annotations": {
                "summary": self.hand,
                "__dashboardUid__": self.board.uid,
                "__panelId__": str(number_of(self.board, self.panel)),
            },
            "labels": {"platform": "storeline"},
            "data": [
                {"refId": "A", "datasourceUid": self.source.uid, "relativeTimeRange": window, "model": asked},
                {"refId": "B", "datasourceUid": "__expr__", "relativeTimeRange": window, "model": compared},
            ],
        }


def number_of(board: Board, title: str) -> int:
    """Return the number of a board's panel. Raises LookupError for an unknown title."""
    found: list[tuple[Panel, int]] = [(panel, number) for panel, number, *_ in board.placed() if panel.title == title]
    if not found:
        raise LookupError(f"{board.title} has no panel {title}")
    return found[0][1]


RULES = (
    Rule(
        "storeline-dag-failed",
        "A DAG's last run failed",
        "The run of {{ .Labels.dag }} failed: the last line of its log in Airflow says what to do.",
        AIRFLOW,
        """select d.dag_id as dag, coalesce((
    select state = 'failed' from dag_run
    where dag_id = d.dag_id and state in ('success', 'failed')
    order by end_date desc nulls last limit 1
), false)::int as failed
from dag as d
where not d.is_stale and not d.is_paused""",
        limit=0,
        minutes=2,
        board=cockpit.BOARD,
        panel="DAGs",
    ),
    Rule(
        "storeline-stream-stuck",
        "Events wait",
        "Events have waited for minutes: is kafka_to_postgres_streaming unpaused and green? storeline lag shows more.",
        POSTGRES,
        f"select coalesce(extract(epoch from now() - min(sent.sent_at)), 0)::float as age\n{WAITING}",
        limit=STUCK_SECONDS,
        minutes=5,
        board=cockpit.BOARD,
        panel="Oldest event that waits",
    ),
    Rule(
        "storeline-dead-letters",
        "Many events are refused",
        f"More than {DEAD_SHARE:.0%} of the last hour's events are dead letters: see why, then run storeline redrive.",
        POSTGRES,
        f"""select case when count(*) filter (where outcome = 'dead') < {DEAD_AT_LEAST} then 0
    else count(*) filter (where outcome = 'dead')::float / count(*) end as share
from ops.events
where decided_at > now() - interval '1 hour'""",
        limit=DEAD_SHARE,
        minutes=5,
        board=cockpit.BOARD,
        panel="Dead letters by reason",
    ),
    Rule(
        "storeline-changes-behind",
        "The replica is behind the shop",
        "Changes are captured but not applied: is postgres_to_mysql_streaming unpaused and green? See storeline lag.",
        MYSQL,
        f"select coalesce({changes.AGE}, 0) as age\n{changes.BEHIND}",
        limit=STUCK_SECONDS,
        minutes=5,
        board=cockpit.BOARD,
        panel="Replica behind the shop",
    ),
    Rule(
        "storeline-slot-lost",
        "The capture of changes loses its log",
        "The replication slot {{ .Labels.slot }} is lost, or close to it: storeline status says what to do.",
        POSTGRES,
        f"select made.slot_id as slot, {changes.USED} as used\n{changes.SLOT}",
        limit=changes.USED_SHARE,
        minutes=2,
        board=cockpit.BOARD,
        panel="Replication slot",
    ),
    Rule(
        "storeline-marts-old",
        "A mart is too old",
        "{{ .Labels.mart }} is older than MARTS_FRESHNESS_LIMIT_MINUTES: see the runs of create_data_marts in Airflow.",
        MYSQL,
        "select mart, age_seconds / limit_seconds as used\nfrom ops.mart_freshness",
        limit=1,
        minutes=5,
        board=cockpit.BOARD,
        panel="Marts",
    ),
    Rule(
        "storeline-sales-missing",
        "A week's sales are missing",
        "The last sales are more than a week old: see the runs of sales_pipeline in Airflow.",
        CLICKHOUSE,
        "select dateDiff('day', max(import_date), today()) as age\nfrom sales.sales_summary\nhaving count() > 0",
        limit=WEEK_DAYS,
        minutes=60,
        board=sales.BOARD,
        panel="Week against week",
    ),
)


def provisioned() -> dict[str, Any]:
    """Return the content of the rules file."""
    group = {"orgId": 1, "name": "storeline", "folder": "Storeline", "interval": "1m"}
    return {"apiVersion": 1, "groups": [group | {"rules": [rule.json() for rule in RULES]}]}
