"""MySQL's other sessions: what they say about themselves, which tables they use, and how to end them."""

import socket
import time
from collections.abc import Iterable
from typing import Any

import mysql.connector
from mysql.connector import errorcode

from storeline.stores.mysql import ask, do, naming


def sessions_with(connection: Any, attribute: str) -> dict[int, str]:
    """Return this account's other connections that set an attribute, and its values."""
    query = """select processlist_id, attr_value from performance_schema.session_account_connect_attrs
               where attr_name = %s and processlist_id <> connection_id()"""
    return {int(number): str(value) for number, value in ask(connection, query, (attribute,))}


def end_sessions_of_process(connection: Any, pid: int) -> None:
    """End this account's other connections from a process on this machine."""
    numbers, hosts = sessions_with(connection, "_pid"), sessions_with(connection, "_source_host")
    for number, value in numbers.items():
        if value == str(pid) and hosts.get(number) == socket.gethostname():
            kill(connection, number)


def kill(connection: Any, number: int) -> None:
    """End a connection, which may already have ended."""
    try:
        do(connection, f"kill {number:d}")
    except mysql.connector.Error as error:
        if error.errno != errorcode.ER_NO_SUCH_THREAD:
            raise


def wait_for_its_statement(connection: Any, number: int, seconds: float) -> None:
    """Wait until a connection executes nothing, at most for some seconds.

    A connection that was killed is gone for its client at once; its last statement may still succeed.
    """
    query = """select 1 from performance_schema.threads
               where processlist_id = %s and processlist_command <> 'Sleep'"""
    deadline = time.monotonic() + seconds
    while ask(connection, query, (number,)) and time.monotonic() < deadline:
        time.sleep(0.1)


def describe_connection(connection: Any, number: int | None) -> str:
    """Return a description of a connection: its number, account and activity."""
    query = """select processlist_user, processlist_host, processlist_command, processlist_time
               from performance_schema.threads where processlist_id = %s"""
    found = ask(connection, query, (number,)) if number else []
    if not found:
        return f"connection {number or 'unknown'}"
    user, host, command, seconds = found[0]
    return f"connection {number} ({user}@{host}, {command}, {seconds} s)"


def lock_holders(connection: Any, tables: Iterable[tuple[str, str]]) -> list[int]:
    """Return the connections that use any of the tables (database, name), except this one."""
    fold = naming(connection)
    wanted = {(fold(database), fold(name)) for database, name in tables}
    query = """select object_schema, object_name, processlist_id
               from performance_schema.metadata_locks join performance_schema.threads on thread_id = owner_thread_id
               where object_type = 'TABLE' and lock_status = 'GRANTED' and processlist_id <> connection_id()"""
    return sorted(
        {number for database, name, number in ask(connection, query) if (fold(database), fold(name)) in wanted}
    )
