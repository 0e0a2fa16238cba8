"""A user's single statement, run in any of the databases with an account that can only read."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from storeline.settings import Settings
from storeline.stores import clickhouse, mysql, postgres

LOGINS: dict[str, Callable[[Settings], mysql.Login | postgres.Login]] = {
    "mysql": mysql.analyst,
    "postgres": postgres.reader,
}
CLICKHOUSE = "clickhouse"
DATABASES = (*LOGINS, CLICKHOUSE)
Answer = tuple[list[str], list[tuple[Any, ...]]]  # the columns' names, and the rows


def query(settings: Settings, statement: str, database: str = "mysql", most_rows: int = 1000) -> Answer:
    """Return an answer's column names and up to `most_rows` rows. Raises StorelineError and the drivers' errors."""
    if database == CLICKHOUSE:
        with closing(clickhouse.connect(settings)) as client:
            names, rows = client.query_with_names(statement)
            return names, rows[:most_rows]
    with closing(LOGINS[database](settings).connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(statement)
        names = [column[0] for column in cursor.description or ()]
        return names, [tuple(row) for row in (cursor.fetchmany(most_rows) if names else ())]
