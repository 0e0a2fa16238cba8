"""MySQL's named locks: they keep runs apart, and end with the connection that took them."""

from typing import Any

from storeline.stores.mysql import MysqlError, ask
from storeline.stores.mysql_sessions import describe_connection


def hold(connection: Any, lock: str, wait_seconds: float) -> None:
    """Take a named lock, which ends with the connection. Raises MysqlError that names the holder."""
    if ask(connection, "select get_lock(%s, %s)", (lock, wait_seconds))[0][0] == 1:
        return
    number = holder(connection, lock)
    raise MysqlError(
        f"the lock {lock} was not free for {wait_seconds:g} s: "
        f"{describe_connection(connection, number)} holds it; wait for that job or end it"
    )


def release(connection: Any, lock: str) -> None:
    """Release a named lock before the connection ends."""
    ask(connection, "select release_lock(%s)", (lock,))


def holder(connection: Any, lock: str) -> int | None:
    """Return the connection that holds a named lock."""
    number = ask(connection, "select is_used_lock(%s)", (lock,))[0][0]
    return None if number is None else int(number)
