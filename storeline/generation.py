"""How a set of tables changes over at once: staged, live and previous generation, with the ledger that tells which.

Each set has three databases of its own and one small table in `ops` that is renamed together with it, because nothing
else can be atomic with a RENAME.
"""

from dataclasses import dataclass
from typing import Any

from storeline import mysql


@dataclass(frozen=True)
class Generations:
    """A database whose tables are published together."""

    live: str
    ledger: str

    @property
    def staging(self) -> str:
        """Return the database in which tables are built."""
        return f"{self.live}_staging"

    @property
    def previous(self) -> str:
        """Return the database that keeps what was live before."""
        return f"{self.live}_previous"

    def staged(self, table: str) -> str:
        """Return the quoted name of a table of the staging database."""
        return f"{mysql.quote(self.staging)}.{mysql.quote(table)}"

    def drop_dead_staging(self, connection: Any) -> None:
        """Drop every staging table: who holds the set's lock is the only run, so all of them are left-overs."""
        mysql.drop_tables(connection, self.staging, mysql.tables_of(connection, self.staging))

    def begin_ledger(self, connection: Any) -> str:
        """Make the ledger's next version, empty; return its quoted name."""
        mysql.drop_tables(connection, "ops", [f"{self.ledger}_next"])
        following = f"ops.{mysql.quote(self.ledger + '_next')}"
        mysql.do(connection, f"create table {following} like ops.{mysql.quote(self.ledger)}")
        return following

    def publish(
        self, connection: Any, staged: dict[str, str], leaving: set[str], run_id: str, wait_seconds: float
    ) -> None:
        """Make the staged tables live, all in one statement; what was live becomes the previous generation.

        `staged` is name -> staging table; `leaving` are live tables that have no successor. `connection` holds the
        set's lock: who lost the lock has lost the connection, and can change nothing. Raises MysqlError; then nothing
        has changed.
        """
        live = mysql.tables_of(connection, self.live)
        discarded = sorted(mysql.tables_of(connection, self.previous))
        moves = [((self.previous, name), self._discard(n, run_id)) for n, name in enumerate(discarded)]
        moves += [((self.live, name), (self.previous, name)) for name in sorted(live & (leaving | set(staged)))]
        moves += [((self.staging, table), (self.live, name)) for name, table in staged.items()]
        if f"{self.ledger}_previous" in mysql.tables_of(connection, "ops"):
            moves.append((("ops", f"{self.ledger}_previous"), self._discard(len(discarded), run_id)))
        moves += [
            (("ops", self.ledger), ("ops", f"{self.ledger}_previous")),
            (("ops", f"{self.ledger}_next"), ("ops", self.ledger)),
        ]
        mysql.swap(connection, moves, wait_seconds)
        self.drop_dead_staging(connection)

    def exchange(self, connection: Any, live: set[str], previous: set[str], wait_seconds: float) -> None:
        """Let the live and the previous generation change places, all tables and the ledger in one statement."""
        aside = [((self.live, name), self._discard(n, "exchanged")) for n, name in enumerate(sorted(live))]
        ledger, ledger_aside = ("ops", self.ledger), ("ops", f"{self.ledger}_next")
        mysql.drop_tables(connection, "ops", [f"{self.ledger}_next"])
        moves = [*aside, (ledger, ledger_aside)]
        moves += [((self.previous, name), (self.live, name)) for name in sorted(previous)]
        moves += [(("ops", f"{self.ledger}_previous"), ledger)]
        moves += [(there, (self.previous, name)) for (_, name), there in aside]
        moves += [(ledger_aside, ("ops", f"{self.ledger}_previous"))]
        mysql.swap(connection, moves, wait_seconds)

    def _discard(self, number: int, run_id: str) -> tuple[str, str]:
        return self.staging, f"discarded_{number:03}_{run_id}"


REPLICA = Generations("replica", "bases")
MARTS = Generations("marts", "mart_builds")
