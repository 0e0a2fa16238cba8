"""PostgreSQL: its logins, and the snapshots that several connections read from."""

import re
from dataclasses import dataclass, field
from datetime import datetime

import psycopg2
from psycopg2.extensions import connection as Connection

from storeline.accounts import (
    POSTGRES_AIRFLOW,
    POSTGRES_GENERATOR,
    POSTGRES_GRAFANA,
    POSTGRES_OWNER,
    POSTGRES_READER,
    POSTGRES_SALES,
    POSTGRES_STREAM,
    Account,
)
from storeline.errors import Refusal, StorelineError, one_line
from storeline.settings import Settings
from storeline.variables import Secret

APPLICATION_NAME = "storeline"
TIME_OUTS = ["statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout"]


class PostgresError(StorelineError):
    """PostgreSQL cannot be used as asked; the message is one line that says where and why."""


class PostgresRefusal(PostgresError, Refusal):
    """PostgreSQL answers but does not let this role in: waiting does not help."""


# For a refused login the driver gives only the message. Whatever does not match may be temporary.
REFUSED = re.compile(r"authentication failed|does not exist|no pg_hba\.conf entry|is not permitted to log in")


@dataclass(frozen=True)
class Login:
    """Where a role logs in; it can be sent to another process and does not show its password."""

    host: str
    port: int
    database: str
    user: str
    password: Secret = field(repr=False)

    def connect(self, application_name: str = APPLICATION_NAME, **options: str) -> Connection:
        """Open a connection in UTC. Raises PostgresError when the server rejects it."""
        settings = {"TimeZone": "UTC", "client_encoding": "UTF8", **options}
        try:
            return psycopg2.connect(
                host=self.host,
                port=self.port,
                dbname=self.database,
                user=self.user,
                password=str(self.password),
                application_name=application_name,
                connect_timeout=10,
                keepalives_idle=30,
                keepalives_interval=10,
                keepalives_count=6,
                options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
            )
        except psycopg2.OperationalError as error:
            kind = PostgresRefusal if REFUSED.search(str(error)) else PostgresError
            raise kind(f"PostgreSQL at {self.host}:{self.port} as {self.user}: {one_line(error)}") from None


def login(settings: Settings, account: Account, database: str | None = None) -> Login:
    """Return an account's login to the shop's database, or to another one."""
    server = settings.postgres_host, settings.postgres_port, database or settings.postgres_db
    return Login(*server, settings.user(account), settings.password(account))


def owner(settings: Settings, database: str | None = None) -> Login:
    """Return the login of the owner, optionally for another database."""
    return login(settings, POSTGRES_OWNER, database)


def generator(settings: Settings) -> Login:
    """Return the login of the role that fills the shop."""
    return login(settings, POSTGRES_GENERATOR)


def reader(settings: Settings, database: str | None = None) -> Login:
    """Return the login of the role that may only SELECT, optionally for another database."""
    return login(settings, POSTGRES_READER, database)


def airflow(settings: Settings) -> Login:
    """Return the login of the owner of Airflow's own database."""
    return login(settings, POSTGRES_AIRFLOW, settings.postgres_airflow_db)


def stream(settings: Settings) -> Login:
    """Return the login of the role that lands the events."""
    return login(settings, POSTGRES_STREAM)


def sales(settings: Settings) -> Login:
    """Return the login of the sales pipeline."""
    return login(settings, POSTGRES_SALES)


def grafana(settings: Settings, database: str | None = None) -> Login:
    """Return the login that Grafana's boards read with, optionally for another database."""
    return login(settings, POSTGRES_GRAFANA, database)


@dataclass(frozen=True)
class Snapshot:
    """A state of the source that other connections can import while its transaction is open."""

    exported: str
    visible: str
    system_identifier: str
    timeline: int
    taken_at: datetime


def endless(login: Login) -> Connection:
    """Open a connection for a long read: no time-outs, and no policy may hide a row.

    Raises PostgresError when the database does not declare the encoding of its texts.
    """
    connection = login.connect(row_security="off")
    with connection, connection.cursor() as cursor:
        # Only those that this version has. A limit set by a role, a database or the server would end the read midway.
        cursor.execute("select set_config(name, '0', false) from pg_settings where name = any(%s)", (TIME_OUTS,))
        cursor.execute("select current_setting('server_encoding')")
        (encoding,) = cursor.fetchone() or ("",)
    if encoding == "SQL_ASCII":
        connection.close()
        raise PostgresError(
            f"the database {login.database} has the encoding SQL_ASCII, which does not say how its texts are encoded: "
            "move it to one with an encoding, such as UTF8"
        )
    return connection


def take_snapshot(connection: Connection, tables: list[str], lock_wait_seconds: int) -> Snapshot:
    """Begin the copying transaction and export its snapshot; `tables` are quoted names.

    The tables are locked before the snapshot is taken, because older snapshots also see a TRUNCATE or a rewrite.
    Raises PostgresError when a schema change is in the way.
    """
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"set local lock_timeout = '{lock_wait_seconds:d}s'")
            if tables:
                cursor.execute(f"lock table {', '.join(tables)} in access share mode")
            cursor.execute(
                """select pg_export_snapshot(), pg_current_snapshot()::text, now() at time zone 'UTC',
                          (select system_identifier::text from pg_control_system()),
                          (select timeline_id from pg_control_checkpoint())"""
            )
            exported, visible, taken_at, system, timeline = cursor.fetchone() or ()
    except psycopg2.Error as error:
        raise PostgresError(f"PostgreSQL gave no snapshot: {one_line(error)}") from None
    return Snapshot(exported, visible, system, timeline, taken_at)


def import_snapshot(connection: Connection, exported: str) -> None:
    """Begin a transaction that sees exactly what the exporting one sees. Raises psycopg2.Error if that one is gone."""
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    with connection.cursor() as cursor:
        cursor.execute("set transaction snapshot %s", (exported,))
