"""Run a board's queries like Grafana: with its accounts, the variables' choices and a time range."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from dashboards.boards import Board, Variable
from dashboards.sources import AIRFLOW, CLICKHOUSE, MYSQL, POSTGRES, Source, expanded
from storeline.settings import Settings
from storeline.stores import clickhouse, mysql, postgres

Rows = list[tuple[Any, ...]]
Answer = tuple[list[str], Rows]
BEGINS: dict[str, Callable[[datetime], datetime]] = {
    "now-1y/M": lambda end: end.replace(end.year - 1, day=1, hour=0, minute=0, second=0, microsecond=0),
    "now-24h": lambda end: end - timedelta(days=1),
}


def answer(settings: Settings, source: Source, sql: str) -> Answer:
    """Return the column names and rows of a query. Database errors are raised unchanged."""
    return ASKED[source](settings, sql)


def _postgres(settings: Settings, sql: str) -> Answer:
    return _cursor(postgres.grafana(settings), sql)


def _airflow(settings: Settings, sql: str) -> Answer:
    return _cursor(postgres.grafana(settings, settings.postgres_airflow_db), sql)


def _mysql(settings: Settings, sql: str) -> Answer:
    return _cursor(mysql.grafana(settings), sql)


def _cursor(login: postgres.Login | mysql.Login, sql: str) -> Answer:
    with closing(login.connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return [column[0] for column in cursor.description or ()], [tuple(row) for row in cursor.fetchall()]


def _clickhouse(settings: Settings, sql: str) -> Answer:
    with closing(clickhouse.connect(settings)) as client:
        return client.query_with_names(sql)


ASKED: dict[Source, Callable[[Settings, str], Answer]] = {
    POSTGRES: _postgres,
    AIRFLOW: _airflow,
    MYSQL: _mysql,
    CLICKHOUSE: _clickhouse,
}


def choices(settings: Settings, variable: Variable) -> list[str]:
    """Return the choices of a variable."""
    _, rows = answer(settings, variable.source, variable.sql)
    return [str(value) for (value,) in rows]


def picked(settings: Settings, board: Board) -> dict[str, Sequence[str]]:
    """Return the selection when a board is opened: every choice, or the first one."""
    found = {variable: choices(settings, variable) for variable in board.variables}
    return {variable.name: names if variable.many else names[:1] for variable, names in found.items()}


def answers(settings: Settings, board: Board, until: datetime | None = None) -> list[Answer]:
    """Return the answer of each panel of a freshly opened board, now or at another time."""
    end = until or datetime.now(UTC)
    values = picked(settings, board)
    return [
        answer(settings, panel.source, expanded(panel.source, panel.sql, values, BEGINS[board.since](end), end))
        for panel in board.panels
    ]
