"""Bring the databases' schemas and Kafka's topics to this version; a second run changes nothing.

Usage: python -m init_db.run [postgres] [mysql] [clickhouse] [kafka] [changes]    (default: all but `changes`)

`changes` needs Kafka Connect; the others do not.
"""

import re
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as PostgresConnection
from psycopg2.extensions import encrypt_password

from init_db.changes import init_changes
from storeline import accounts
from storeline.accounts import MYSQL_ADMIN, POSTGRES_OWNER
from storeline.errors import StorelineError, one_line
from storeline.settings import Settings, load
from storeline.stores import clickhouse, kafka_topics, mysql, postgres
from storeline.variables import Secret

FOLDER = Path(__file__).resolve().parent
REFUSED = re.compile("password authentication failed|Access denied")
KEPT = (
    "; the server keeps the password of its first start: set {} to it, or delete the data (in containers "
    "`docker compose down -v`, natively `make reset`)"
)
# Longer than any part of Airflow stays idle inside a transaction.
IDLE_TRANSACTION = "2min"


def init_postgres(settings: Settings) -> None:
    """Create roles, Airflow's database and everything in `postgres/*.sql`. Raises PostgresError."""
    login = postgres.owner(settings)
    roles = accounts.of("postgres")
    names = {role or "owner": settings.user(account) for role, account in roles.items()}
    names["database"] = settings.postgres_db
    with closing(_administrator(login, "POSTGRES_PASSWORD")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            # Concurrent starts take turns.
            cursor.execute("select pg_advisory_lock(hashtext('storeline.init'))")
        for account in roles.values():
            if account != POSTGRES_OWNER:
                _role(connection, settings.user(account), settings.password(account))
        _end_idle_transactions(connection, names["airflow"])
        _database(connection, settings.postgres_airflow_db, names["airflow"])
        for file in sorted((FOLDER / "postgres").glob("*.sql")):
            statement = sql.SQL(file.read_text()).format(**{k: sql.Identifier(v) for k, v in names.items()})
            _execute(connection, statement, file.name)


def _administrator(login: postgres.Login | mysql.Login, password: str) -> Any:
    """Open an administrator's connection; if the server refuses it, say what to do."""
    try:
        return login.connect()
    except (postgres.PostgresError, mysql.MysqlError) as error:
        if REFUSED.search(str(error)):
            raise type(error)(f"{error}{KEPT.format(password)}") from None
        raise


def _role(connection: PostgresConnection, name: str, password: Secret) -> None:
    # Send a verifier, so that no statement log contains the password.
    verifier = encrypt_password(str(password), name, connection, "scram-sha-256")
    with connection.cursor() as cursor:
        cursor.execute("select 1 from pg_roles where rolname = %s", (name,))
        verb = sql.SQL("alter role {} login password {}" if cursor.fetchone() else "create role {} login password {}")
    _execute(connection, verb.format(sql.Identifier(name), sql.Literal(verifier)), f"role {name}")


def _end_idle_transactions(connection: PostgresConnection, role: str) -> None:
    """Let the server end Airflow sessions that stay idle in a transaction.

    Workers of a killed scheduler keep its connection open, and with it the lock on the run that it was examining: every
    other scheduler skips that run forever.
    """
    change = sql.SQL("alter role {} set idle_in_transaction_session_timeout = {}")
    _execute(connection, change.format(sql.Identifier(role), sql.Literal(IDLE_TRANSACTION)), f"role {role}")


def _database(connection: PostgresConnection, name: str, owner: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select 1 from pg_database where datname = %s", (name,))
        if cursor.fetchone():
            return
        cursor.execute(
            "select pg_has_role(current_user, %s, 'SET') or rolsuper from pg_roles where rolname = current_user",
            (owner,),
        )
        if not (cursor.fetchone() or (False,))[0]:
            _execute(connection, sql.SQL("grant {} to current_user").format(sql.Identifier(owner)), f"role {owner}")
    make = sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(owner))
    _execute(connection, make, f"database {name}")
    revoke = sql.SQL("revoke all on database {} from public").format(sql.Identifier(name))
    _execute(connection, revoke, f"database {name}")


def _execute(connection: PostgresConnection, statement: sql.Composable, what: str) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except psycopg2.Error as error:
        raise postgres.PostgresError(f"init_db/postgres: {what}: {one_line(error)}") from None


def init_mysql(settings: Settings) -> None:
    """Create accounts and everything in `mysql/*.sql`. Raises MysqlError."""
    roles = {role: account for role, account in accounts.of("mysql").items() if account != MYSQL_ADMIN}
    names = {role: f"{mysql.quote(settings.user(account))}@'%'" for role, account in roles.items()}
    names["marts_freshness_limit_minutes"] = str(settings.marts_freshness_limit_minutes)
    opened = _administrator(mysql.admin(settings), "MYSQL_ADMIN_PASSWORD")
    with closing(opened) as connection, connection.cursor() as cursor:
        cursor.execute("select @@global.local_infile")
        if cursor.fetchone() != (1,):
            raise mysql.MysqlError(
                f"MySQL at {settings.mysql_host}:{settings.mysql_port}: local_infile is off, and the copy needs it"
                ": switch it on in the server's options (MySQL ignores a world-writable option file)"
            )
        cursor.execute("select get_lock('storeline.init', 60)")
        cursor.fetchall()
        for account in roles.values():
            user, password = settings.user(account), str(settings.password(account))
            cursor.execute("create user if not exists %s@'%' identified by %s", (user, password))
            cursor.execute("alter user %s@'%' identified by %s", (user, password))
        for file in sorted((FOLDER / "mysql").glob("*.sql")):
            text = file.read_text()
            for placeholder, name in names.items():
                text = text.replace("{" + placeholder + "}", name)
            try:
                cursor.execute(text)
                while cursor.nextset():
                    pass
            except Exception as error:  # of a statement after the first it is one of the driver's C code alone
                raise mysql.MysqlError(f"init_db/mysql: {file.name}: {one_line(error)}") from None


def init_clickhouse(settings: Settings) -> None:
    """Create everything in `clickhouse/*.sql`; its accounts are in its own configuration. Raises ClickhouseError."""
    with closing(clickhouse.connect(settings, is_loader=True)) as client:
        for file in sorted((FOLDER / "clickhouse").glob("*.sql")):
            for statement in clickhouse.statements(file.read_text()):
                client.command(statement)


def init_kafka(settings: Settings) -> None:
    """Create the topics of `storeline/topics.py`. Raises KafkaError."""
    for line in kafka_topics.make_topics(settings):
        print(f"init_db: topic {line}")


def main(arguments: list[str]) -> None:
    """Run the named parts. Exits with one line when a server refuses."""
    parts = {"postgres": init_postgres, "mysql": init_mysql, "clickhouse": init_clickhouse, "kafka": init_kafka}
    on_request = {"changes": init_changes}
    if unknown := set(arguments) - set(parts | on_request):
        sys.exit(f"init_db: unknown part {sorted(unknown)[0]}: expected {', '.join(parts | on_request)}")
    try:
        settings = load()
        for name in arguments or list(parts):
            (parts | on_request)[name](settings)
            print(f"init_db: {name} is ready")
    except StorelineError as error:
        sys.exit(f"init_db: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
