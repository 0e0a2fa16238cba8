"""How a set of tables is swapped at once: staged, live and previous generation, with a ledger of which is live.

Each set has three databases and one small table in `ops` that is renamed together with it, because nothing else can
be atomic with a RENAME. A table that the ledger does not name, or a staging table without a run's id, belongs to
someone else and is never touched.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from storeline.ledger import RUN_ID, new_run_id
from storeline.stores import mysql, mysql_swap

OURS = re.compile(rf"(discarded_)?[0-9]{{3}}_{RUN_ID}(_.*)?", re.IGNORECASE | re.DOTALL)
NAME_LENGTH = 64  # MySQL's limit


@dataclass(frozen=True)
class Generations:
    """A database whose tables are published together, and the table of `ops` whose column `names` registers them."""

    live: str
    ledger: str
    names: str = "table_name"
    condition: str = "true"  # selects this set's rows in the ledger

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

    def published_name(self, table: str) -> str:
        """Return the quoted name of a table of the live database."""
        return f"{mysql.quote(self.live)}.{mysql.quote(table)}"

    def staging_name(self, number: int, run_id: str, name: str) -> str:
        """Return a table's name in staging; the number keeps truncated names distinct."""
        return f"{number:03}_{run_id}_{name}"[:NAME_LENGTH]

    def published(self, connection: Any) -> set[str]:
        """Return the runs whose tables are live or the previous generation: these have succeeded."""
        return self._of_ledger(connection, "run_id", "") | self._of_ledger(connection, "run_id", "_previous")

    def drop_dead_staging(self, connection: Any) -> None:
        """Drop every run's tables from staging: the holder of the set's lock is the only run, so all are leftovers."""
        doomed = {name for name in mysql.tables_of(connection, self.staging) if OURS.fullmatch(name)}
        mysql_swap.drop_tables(connection, self.staging, doomed)

    def begin_ledger(self, connection: Any) -> str:
        """Create the ledger's next version, empty; return its quoted name."""
        mysql_swap.drop_tables(connection, "ops", [f"{self.ledger}_next"])
        following = f"ops.{mysql.quote(self.ledger + '_next')}"
        mysql.do(connection, f"create table {following} like ops.{mysql.quote(self.ledger)}")
        return following

    def refuse_foreign(self, connection: Any, names: Collection[str]) -> None:
        """Raise MysqlError if a name to be published belongs to something that no run created."""
        fold = mysql.naming(connection)
        if len({fold(name) for name in names}) < len(names):
            raise mysql.MysqlError("this MySQL (lower_case_table_names) cannot tell apart names that differ by case")
        coming = {
            self.live: (names, self.registered(connection)),
            self.previous: (
                self.registered(connection),
                self.registered(connection, "_previous"),
            ),
        }
        for database, (wanted, registered) in coming.items():
            foreign = mysql.present(connection, database, set(wanted), mysql.ANY_KIND)
            if foreign := {fold(name) for name in foreign} - {fold(name) for name in registered}:
                raise mysql.MysqlError(
                    f"{database}.{min(foreign)} is in the way and no run created it: rename it, then run again"
                )

    def publish(
        self,
        connection: Any,
        staged: dict[str, str],
        run_id: str,
        wait_seconds: float,
        besides: Sequence[mysql_swap.Move] = (),
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Make the staged tables live, all in one statement; what was live becomes the previous generation.

        `staged` is name -> staging table; a registered table without a successor leaves; `besides` is moved in the
        same statement, before which `check` is called. `connection` holds the set's lock: a run that lost the lock has
        lost the connection, and can change nothing. Raises MysqlError; nothing has changed then.
        """
        self.refuse_foreign(connection, staged)
        live, previous = self._tables(connection, self.live, ""), self._tables(connection, self.previous, "_previous")
        moves = [((self.previous, name), self._discard(n, run_id)) for n, name in enumerate(previous)]
        moves += [((self.live, name), (self.previous, name)) for name in live]
        moves += besides
        moves += [((self.staging, table), (self.live, name)) for name, table in staged.items()]
        if mysql.present(connection, "ops", {f"{self.ledger}_previous"}):
            moves.append((("ops", f"{self.ledger}_previous"), self._discard(len(previous), run_id)))
        moves += [
            (("ops", self.ledger), ("ops", f"{self.ledger}_previous")),
            (("ops", f"{self.ledger}_next"), ("ops", self.ledger)),
        ]
        mysql_swap.swap(connection, moves, wait_seconds, check)

    def exchange(self, connection: Any, wait_seconds: float, besides: Sequence[mysql_swap.Move] = ()) -> None:
        """Exchange the live and the previous generation, all tables and the ledger in one statement.

        Raises MysqlError when there is no previous generation or something is in the way; nothing has changed then.
        """
        live, previous = self._tables(connection, self.live, ""), self._tables(connection, self.previous, "_previous")
        if not previous:
            raise mysql.MysqlError(f"there is no previous generation of the {self.live} to go back to")
        run_id = new_run_id()
        aside = [((self.live, name), self._discard(n, run_id)) for n, name in enumerate(live)]
        ledger, ledger_aside = ("ops", self.ledger), ("ops", f"{self.ledger}_next")
        mysql_swap.drop_tables(connection, "ops", [f"{self.ledger}_next"])
        moves = [*besides, *aside, (ledger, ledger_aside)]
        moves += [((self.previous, name), (self.live, name)) for name in previous]
        moves += [(("ops", f"{self.ledger}_previous"), ledger)]
        moves += [(there, (self.previous, name)) for (_, name), there in aside]
        moves += [(ledger_aside, ("ops", f"{self.ledger}_previous"))]
        mysql_swap.swap(connection, moves, wait_seconds)

    def registered(self, connection: Any, version: str = "") -> set[str]:
        """Return the names in the ledger: of the live generation, or of the version `_previous`."""
        return self._of_ledger(connection, self.names, version)

    def _tables(self, connection: Any, database: str, version: str) -> list[str]:
        """Return a generation's tables that exist: an owner may have dropped one."""
        return sorted(mysql.present(connection, database, self.registered(connection, version)))

    def _of_ledger(self, connection: Any, column: str, version: str) -> set[str]:
        if not mysql.present(connection, "ops", {self.ledger + version}):
            return set()
        query = f"select {column} from ops.{mysql.quote(self.ledger + version)} where {self.condition}"
        return {name for (name,) in mysql.ask(connection, query)}

    def _discard(self, number: int, run_id: str) -> tuple[str, str]:
        return self.staging, f"discarded_{number:03}_{run_id}"


REPLICA = Generations("replica", "bases", condition="database_name = 'replica'")
MARTS = Generations("marts", "mart_builds", names="mart")
