"""Whether the marts are to be built again because the stream has changed the replica since they were built.

Decided from the ledger, so it does not matter which process looks, or since when.
"""

from contextlib import closing
from dataclasses import dataclass

from mysql.connector import Error as DriverError

from storeline.settings import Settings
from storeline.stores import mysql

UNREACHABLE = (mysql.MysqlError, DriverError)
ANSWER_SECONDS = 10
STATE = """select max(changes_applied), min(changes_shown), max(age_seconds), cast(min(built_at) as char)
from ops.mart_freshness"""


@dataclass(frozen=True)
class Marts:
    """How far the marts are: changes that the stream has applied and that they show, their age, when they were built.

    The last is a text in UTC, since Airflow keeps it as JSON.
    """

    applied: int
    shown: int
    age_seconds: int
    built_at: str


def look(settings: Settings) -> Marts | None:
    """Return how far the marts are, None if none were built. Raises UNREACHABLE."""
    with closing(mysql.watcher(settings).connect(read_timeout=ANSWER_SECONDS)) as connection:
        applied, shown, age, built_at = mysql.ask(connection, STATE)[0]
    return None if built_at is None else Marts(int(applied), int(shown), int(age), str(built_at))


class Following:
    """Says when the marts are due: once for each time that they were built.

    So a build that takes long is not called for twice, and after one that failed it is the hourly build's turn.
    """

    def __init__(self, follow_seconds: int) -> None:
        """Begin; `follow_seconds` is MARTS_FOLLOW_SECONDS."""
        self.follow_seconds = follow_seconds
        self.asked = ""  # when the marts were built that were last found due

    def is_due(self, marts: Marts) -> bool:
        """Tell whether the marts lack changes and are old enough, and were not found due before."""
        is_behind = marts.applied != marts.shown
        if not self.follow_seconds or not is_behind or marts.age_seconds < self.follow_seconds:
            return False
        is_first = marts.built_at != self.asked
        self.asked = marts.built_at
        return is_first
