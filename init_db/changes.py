"""Set up the capture of the shop's changes: what PostgreSQL needs for it, the slot, and the connector; idempotent.

`init_db.run changes` calls it whenever the capture is started. A connector that differs from its declaration is
declared again, and the keys in which it differed are printed.
"""

import secrets
import time
from contextlib import closing
from typing import Any

import psycopg2
from psycopg2 import sql

from storeline.accounts import POSTGRES_CAPTURE
from storeline.changes import connector
from storeline.errors import one_line
from storeline.replica import slot
from storeline.replica.slot import Slot
from storeline.settings import Settings
from storeline.stores import connect, postgres
from storeline.tables import SOURCE_SCHEMA, TABLES

SLOT_PREFIX = "storeline_"
SECONDS_TO_RUN, SECONDS_TO_RESTART = 90, 3
# A table without a key could no longer be updated once its changes are published.
TABLES_THERE = """select c.relname, c.relreplident = 'f' or exists (
        select from pg_index as i where i.indrelid = c.oid
            and case c.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident else false end
    )
from pg_class as c where c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'p') and c.relname = any(%s)"""
PUBLISHED = "select tablename from pg_publication_tables where pubname = %s and schemaname = %s"
OPTIONS = sql.SQL("with (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)")


def init_changes(settings: Settings) -> None:
    """Bring the publication, the slot and the connector to this version. Raises PostgresError and ConnectError."""
    try:
        with closing(postgres.owner(settings).connect()) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                # Concurrent starts take turns.
                cursor.execute("select pg_advisory_lock(hashtext('storeline.changes'))")
                check_log(cursor)
                allow_replication(cursor, settings.user(POSTGRES_CAPTURE))
                publish(cursor)
                register(settings, keep_or_make(cursor, settings))
    except psycopg2.Error as error:
        raise postgres.PostgresError(f"init_db/changes: {one_line(error)}") from None


def check_log(cursor: Any) -> None:
    """Raise PostgresError unless PostgreSQL's log holds the changes."""
    cursor.execute("show wal_level")
    if cursor.fetchone() != ("logical",):
        raise postgres.PostgresError(
            "PostgreSQL's wal_level is not logical: set it in the server's options and restart"
        )
    cursor.execute("select setting::bigint from pg_settings where name = 'max_slot_wal_keep_size'")
    if cursor.fetchone() == (-1,):
        print("init_db: PostgreSQL's max_slot_wal_keep_size is -1: a capture that has stopped fills its disk")


def allow_replication(cursor: Any, role: str) -> None:
    """Let the capturing role read the log."""
    cursor.execute("select rolreplication from pg_roles where rolname = %s", (role,))
    if cursor.fetchone() == (False,):
        cursor.execute(sql.SQL("alter role {} replication").format(sql.Identifier(role)))


def publish(cursor: Any) -> None:
    """Publish the tables of `tables.py` that exist; the publication is changed but never recreated.

    Log that was written before a publication existed cannot be read with it. Raises PostgresError for a table without a
    key.
    """
    cursor.execute(TABLES_THERE, (SOURCE_SCHEMA, [table.name for table in TABLES]))
    there = dict(cursor.fetchall())
    if keyless := sorted(name for name, has_key in there.items() if not has_key):
        raise postgres.PostgresError(f"{SOURCE_SCHEMA}.{keyless[0]} has no primary key: its changes cannot be captured")
    cursor.execute("select 1 from pg_publication where pubname = %s", (connector.PUBLICATION,))
    name, is_new = sql.Identifier(connector.PUBLICATION), cursor.fetchone() is None
    cursor.execute(PUBLISHED, (connector.PUBLICATION, SOURCE_SCHEMA))
    published = {table for (table,) in cursor.fetchall()}
    if is_new:
        cursor.execute(sql.SQL("create publication {} {}").format(name, OPTIONS))
    if published != set(there):
        tables = sql.SQL(", ").join(sql.Identifier(SOURCE_SCHEMA, table) for table in sorted(there))
        change = "alter publication {} set table {}" if there else "alter publication {} drop table {}"
        if not there:
            tables = sql.SQL(", ").join(sql.Identifier(SOURCE_SCHEMA, table) for table in sorted(published))
        cursor.execute(sql.SQL(change).format(name, tables))
        print(f"init_db: changes of {', '.join(sorted(there)) or 'no table'} are captured")


def keep_or_make(cursor: Any, settings: Settings) -> Slot:
    """Return the current slot, or a new one when there is none or it has lost changes."""
    found = slot.current(cursor)
    reason = slot.loss(found) or (found and remade(settings, found))
    if found is None or reason:
        retire(cursor, settings, found, reason or "")
        found = make(cursor, settings)
    drop_others(cursor, found.slot_id)
    return found


def remade(settings: Settings, found: Slot) -> str | None:
    """Return a line when the slot was recreated under its name: it then begins after what was captured."""
    if connect.configuration(settings, found.slot_id) is None:
        return None
    captured = connect.offset(settings, found.slot_id).get("lsn", found.confirmed_position)
    if found.confirmed_position <= captured:
        return None
    lost = found.confirmed_position - captured
    return f"the replication slot {found.slot_id} was recreated, {lost} bytes of log after what had been captured"


def retire(cursor: Any, settings: Settings, found: Slot | None, reason: str) -> None:
    """End what reads an old slot before the new one is made, so that their changes do not mix."""
    for name in connect.connectors(settings):
        if name.startswith(SLOT_PREFIX):
            connect.delete(settings, name)
    if found:
        print(f"init_db: {reason}")
        cursor.execute(
            "update ops.slots set retired_at = clock_timestamp(), retired_because = %s where slot_id = %s",
            (reason, found.slot_id),
        )


def make(cursor: Any, settings: Settings) -> Slot:
    """Create a slot and record it. PostgreSQL waits for the transactions that are open now, for a limited time."""
    slot_id, placeholder = f"{SLOT_PREFIX}{secrets.token_hex(6)}", secrets.token_hex(16)
    cursor.execute("select set_config('statement_timeout', %s, false)", (f"{settings.lock_wait_seconds}s",))
    cursor.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (slot_id,))
    cursor.execute("insert into ops.slots (slot_id, placeholder) values (%s, %s)", (slot_id, placeholder))
    print(f"init_db: the replication slot {slot_id} was created: run replicate_postgres_to_mysql")
    return Slot(slot_id, placeholder)


def drop_others(cursor: Any, slot_id: str) -> None:
    """Drop the slots of earlier captures, and of a start that died before it recorded its own: they keep log."""
    cursor.execute(
        """select pg_drop_replication_slot(slot_name) from pg_replication_slots
        where database = current_database() and starts_with(slot_name, %s) and slot_name <> %s and not active""",
        (SLOT_PREFIX, slot_id),
    )


def register(settings: Settings, found: Slot) -> None:
    """Have Connect run the connector as it is declared, and no other of ours. Raises ConnectError when it does not."""
    for name in connect.connectors(settings):
        if name.startswith(SLOT_PREFIX) and name != found.slot_id:
            connect.delete(settings, name)
    declared = connector.declaration(settings, found.slot_id, found.placeholder)
    running = connect.configuration(settings, found.slot_id)
    keys = [] if running is None else connector.drift(declared, running)
    if keys:
        print(f"init_db: connector {found.slot_id} differed from its declaration: {', '.join(keys)}")
    if running is None or keys:
        connect.configure(settings, found.slot_id, declared)
    connect.resume(settings, found.slot_id)
    wait(settings, found.slot_id)


def wait(settings: Settings, name: str) -> None:
    """Wait until the connector and its task run. Raises ConnectError with the reason when one failed."""
    begin = time.monotonic()
    while True:
        states = connect.states(settings, name)
        waited = time.monotonic() - begin
        for state, trace in states:
            # What had failed earlier was just told to restart.
            if state == "FAILED" and waited > SECONDS_TO_RESTART:
                raise connect.ConnectError(f"connector {name} failed: {cause(trace)}")
        if len(states) > 1 and all(state == "RUNNING" for state, _ in states):
            return
        if waited > SECONDS_TO_RUN:
            said = ", ".join(state for state, _ in states) or "it has no state"
            raise connect.ConnectError(f"connector {name} does not run after {SECONDS_TO_RUN} s: {said}")
        time.sleep(0.3)


def cause(trace: str) -> str:
    """Return the innermost reason of a Java trace, in one line."""
    lines = [line.removeprefix("Caused by: ") for line in trace.splitlines() if line and not line.startswith("\t")]
    return (lines or ["no reason given"])[-1]
