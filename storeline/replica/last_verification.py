"""What the last verification of each table found, while the replica holds the copy that was verified."""

from collections.abc import Collection
from typing import Any

from storeline.errors import Refusal
from storeline.generation import REPLICA
from storeline.stores import mysql

# A verification says nothing about a later copy, so its generation must be the live one.
DIFFERING = """select table_name from ops.bases as b
join ops.verifications as v using (table_name, run_id)
where b.database_name = %s and v.differing > 0 and v.verified_at = (
    select max(last.verified_at) from ops.verifications as last
    where last.table_name = b.table_name and last.run_id = b.run_id
)
order by 1"""


def differing(connection: Any) -> list[str]:
    """Return the tables that differed from the source when they were last verified, and were not repaired since."""
    return [name for (name,) in mysql.ask(connection, DIFFERING, (REPLICA.live,))]


def repairs(tables: Collection[str]) -> str:
    """Return what brings tables back."""
    return f"run {', '.join(f'`storeline repair {name}`' for name in tables)}, or replicate_postgres_to_mysql"


def refuse_differing(connection: Any, tables: Collection[str]) -> None:
    """Raise Refusal when any of the tables differed; the caller holds the replica's lock."""
    if found := [name for name in differing(connection) if name in tables]:
        raise Refusal(f"the last verification of the replica found differences in {', '.join(found)}: {repairs(found)}")
