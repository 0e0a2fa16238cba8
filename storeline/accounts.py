"""The databases' accounts, each declared once: its variables, its purpose, and the services that hold its password.

This list determines the variables of `settings.py`, the logins of `stores/`, what `init_db` creates, and what
`docker/check_compose.py` lets each service know. The grants are in `init_db/*/…_grants.sql` and its neighbours.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """An account of one database. Its role is empty if the variables have none; `services` are compose's."""

    database: str
    role: str
    purpose: str
    services: tuple[str, ...]

    @property
    def user_variable(self) -> str:
        """Return the variable that holds its name."""
        return f"{self._prefix}_USER"

    @property
    def password_variable(self) -> str:
        """Return the variable that holds its password."""
        return f"{self._prefix}_PASSWORD"

    @property
    def _prefix(self) -> str:
        return "_".join(part.upper() for part in (self.database, self.role) if part)


POSTGRES_OWNER = Account(
    "postgres", "", "owns the shop's database and creates everything in it", ("postgres", "init-db", "connector")
)
POSTGRES_GENERATOR = Account(
    "postgres",
    "generator",
    "fills the shop, and records which events were sent",
    ("init-db", "generator", "produce-orders", "produce-users"),
)
POSTGRES_LIVE_SHOP = Account("postgres", "live_shop", "sells like the shop's own application", ("init-db", "live-shop"))
POSTGRES_READER = Account(
    "postgres", "reader", "read access for the copy and the command", ("init-db", "airflow-scheduler", "storeline")
)
POSTGRES_STREAM = Account("postgres", "stream", "lands events", ("init-db", "airflow-scheduler", "storeline"))
POSTGRES_CAPTURE = Account("postgres", "capture", "captures the shop's changes from the log", ("init-db", "connect"))
POSTGRES_SALES = Account("postgres", "sales", "loads and analyses the weekly sales", ("init-db", "airflow-scheduler"))
POSTGRES_GRAFANA = Account("postgres", "grafana", "read access for Grafana's boards", ("init-db", "grafana"))
POSTGRES_AIRFLOW = Account(
    "postgres",
    "airflow",
    "owns Airflow's own database",
    (
        "init-db",
        "airflow-init",
        "airflow-api-server",
        "airflow-scheduler",
        "airflow-dag-processor",
        "airflow-triggerer",
    ),
)
MYSQL_ADMIN = Account("mysql", "admin", "creates databases, accounts and grants", ("mysql", "init-db"))
MYSQL_REPLICATOR = Account("mysql", "replicator", "writes the replica", ("init-db", "airflow-scheduler", "storeline"))
MYSQL_MART_BUILDER = Account(
    "mysql", "mart_builder", "reads the replica, writes the marts", ("init-db", "airflow-scheduler", "storeline")
)
MYSQL_ANALYST = Account(
    "mysql", "analyst", "read access to replica, marts and ledger for people", ("init-db", "storeline", "notebook")
)
MYSQL_WATCHER = Account(
    "mysql", "watcher", "sees how old the marts are and which changes they show", ("init-db", "airflow-triggerer")
)
MYSQL_GRAFANA = Account("mysql", "grafana", "read access for Grafana's boards", ("init-db", "grafana"))
CLICKHOUSE_LOADER = Account(
    "clickhouse", "", "loads the sales' summary", ("clickhouse", "clickhouse-tables", "airflow-scheduler")
)
CLICKHOUSE_READER = Account(
    "clickhouse",
    "reader",
    "read access for people, boards and notebooks",
    ("clickhouse", "grafana", "notebook", "storeline"),
)
ACCOUNTS = (
    POSTGRES_OWNER,
    POSTGRES_GENERATOR,
    POSTGRES_LIVE_SHOP,
    POSTGRES_READER,
    POSTGRES_STREAM,
    POSTGRES_CAPTURE,
    POSTGRES_SALES,
    POSTGRES_GRAFANA,
    POSTGRES_AIRFLOW,
    MYSQL_ADMIN,
    MYSQL_REPLICATOR,
    MYSQL_MART_BUILDER,
    MYSQL_ANALYST,
    MYSQL_WATCHER,
    MYSQL_GRAFANA,
    CLICKHOUSE_LOADER,
    CLICKHOUSE_READER,
)


def of(database: str) -> dict[str, Account]:
    """Return a database's accounts by role."""
    return {account.role: account for account in ACCOUNTS if account.database == database}
