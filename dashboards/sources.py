"""The boards' data sources, as declared in `docker/grafana/provisioning/datasources/`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

CLICKHOUSE_PLUGIN = "grafana-clickhouse-datasource"
TIME_FILTER = re.compile(r"\$__timeFilter\(([^()]+)\)")
VARIABLE = re.compile(r"\$\{(\w+):sqlstring\}")


@dataclass(frozen=True)
class Source:
    """A data source: its `uid` and its plugin's type."""

    uid: str
    type: str

    @property
    def reference(self) -> dict[str, str]:
        """Return a board's reference to it."""
        return {"type": self.type, "uid": self.uid}

    def target(self, sql: str, is_series: bool = False) -> dict[str, Any]:
        """Return a query in the format of the plugin's own editor."""
        common = {"refId": "A", "datasource": self.reference, "rawSql": sql}
        if self.type == CLICKHOUSE_PLUGIN:
            return common | {"editorType": "sql", "queryType": "table", "format": 1}
        return common | {"editorMode": "code", "rawQuery": True, "format": "time_series" if is_series else "table"}


POSTGRES = Source("storeline-postgres", "grafana-postgresql-datasource")
AIRFLOW = Source("storeline-airflow", "grafana-postgresql-datasource")
MYSQL = Source("storeline-mysql", "mysql")
CLICKHOUSE = Source("storeline-clickhouse", CLICKHOUSE_PLUGIN)
SOURCES = (POSTGRES, AIRFLOW, MYSQL, CLICKHOUSE)


def expanded(source: Source, sql: str, values: Mapping[str, Sequence[str]], begin: datetime, end: datetime) -> str:
    """Return a query as Grafana sends it, with the time range and each variable's selection substituted.

    It knows the one macro and the one format that the boards use. Raises ValueError for any other, and KeyError for a
    variable without a value.
    """

    def within(match: re.Match[str]) -> str:
        if source == MYSQL:
            first, last = int(begin.timestamp()), int(end.timestamp())
            return f"{match[1]} BETWEEN FROM_UNIXTIME({first}) AND FROM_UNIXTIME({last})"
        return f"{match[1]} BETWEEN '{_moment(begin)}' AND '{_moment(end)}'"

    def picked(match: re.Match[str]) -> str:
        return ",".join("'" + value.replace("'", "''") + "'" for value in values[match[1]]) or "''"

    text = VARIABLE.sub(picked, TIME_FILTER.sub(within, sql))
    if "$" in text:
        raise ValueError(f"Grafana would replace something unknown here: {text[text.index('$') :][:40]}")
    return text


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
