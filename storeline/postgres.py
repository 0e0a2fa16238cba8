"""PostgreSQL: the only file that knows its addresses and its dialect."""

from contextlib import closing
from dataclasses import dataclass, field

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from storeline.settings import Secret, Settings

APPLICATION_NAME = "storeline"


class PostgresError(Exception):
    """PostgreSQL cannot be used as asked; the message is one line that says where and why."""


@dataclass(frozen=True)
class Login:
    """Where a role logs in; it can be sent to another process and does not show its password."""

    host: str
    port: int
    database: str
    user: str
    password: Secret = field(repr=False)

    def connect(self, **options: str) -> Connection:
        """Open a connection in UTC. Raises PostgresError when the server does not let us in."""
        settings = {"TimeZone": "UTC", "client_encoding": "UTF8", **options}
        try:
            return psycopg2.connect(
                host=self.host,
                port=self.port,
                dbname=self.database,
                user=self.user,
                password=str(self.password),
                application_name=APPLICATION_NAME,
                connect_timeout=10,
                keepalives_idle=30,
                keepalives_interval=10,
                keepalives_count=6,
                options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
            )
        except psycopg2.OperationalError as error:
            raise PostgresError(f"PostgreSQL at {self.host}:{self.port} as {self.user}: {one_line(error)}") from None


def owner(settings: Settings, database: str | None = None) -> Login:
    """Return the login of the owner, for another database where one is named."""
    return Login(
        settings.postgres_host,
        settings.postgres_port,
        database or settings.postgres_db,
        settings.postgres_user,
        settings.postgres_password,
    )


def generator(settings: Settings) -> Login:
    """Return the login of the role that fills the shop."""
    return Login(
        settings.postgres_host,
        settings.postgres_port,
        settings.postgres_db,
        settings.postgres_generator_user,
        settings.postgres_generator_password,
    )


def reader(settings: Settings) -> Login:
    """Return the login of the role that may only SELECT."""
    return Login(
        settings.postgres_host,
        settings.postgres_port,
        settings.postgres_db,
        settings.postgres_reader_user,
        settings.postgres_reader_password,
    )


def one_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
