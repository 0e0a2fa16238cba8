"""The replication slot that the shop's changes are captured from: its state, and in one line what is wrong with it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MIB = 1 << 20
# Below this share of what PostgreSQL keeps for a slot, it is close to its limit.
CLOSE_SHARE = 0.25
IDLE_SECONDS = 60
START = "`make changes`, in containers `docker compose --profile changes up -d --wait`"
HEAL = f"start the capture again ({START}), which makes a new one, then run replicate_postgres_to_mysql"
# As JSON, because the view has fewer columns in older servers.
CURRENT = """select s.slot_id, s.placeholder, to_jsonb(r), now(), (r.confirmed_flush_lsn - '0/0'::pg_lsn)::bigint,
    pg_wal_lsn_diff(pg_current_wal_lsn(), r.restart_lsn)::bigint,
    pg_wal_lsn_diff(pg_current_wal_lsn(), r.confirmed_flush_lsn)::bigint,
    (select nullif(setting::bigint, -1) from pg_settings where name = 'max_slot_wal_keep_size')
from ops.slots as s left join pg_replication_slots as r
    on r.slot_name = s.slot_id and r.slot_type = 'logical' and r.database = current_database()
where s.retired_at is null"""


@dataclass(frozen=True)
class Slot:
    """The current slot as `pg_replication_slots` has it; `wal_status` is None when PostgreSQL has no slot of its name.

    `slot_id` is its name, drawn at random. `placeholder` is what a change has in place of a large value that did
    not change. `confirmed_position` is the place in the log (in bytes, as Debezium gives it) up to which changes are in
    Kafka. `safe_bytes`: how much log may be written until the slot is lost; None without a limit. `retained_bytes`: the
    log that it keeps; `unread_bytes`: the part that was not captured yet.
    """

    slot_id: str
    placeholder: str = field(repr=False)
    wal_status: str | None = None
    is_active: bool = False
    idle_seconds: float | None = None
    invalidation_reason: str | None = None
    confirmed_position: int = 0
    safe_bytes: int | None = None
    retained_bytes: int = 0
    unread_bytes: int = 0
    limit_bytes: int | None = None


def current(cursor: Any) -> Slot | None:
    """Return the slot that `ops.slots` names as the current one.

    None when changes were never captured, and in a database that knows no captures. Raises psycopg2.Error.
    """
    cursor.execute("select to_regclass('ops.slots') is not null")
    if cursor.fetchone() != (True,):
        return None
    cursor.execute(CURRENT)
    row = cursor.fetchone()
    if row is None:
        return None
    slot_id, placeholder, found, now, confirmed, retained, unread, limit_mib = row
    if found is None:
        return Slot(slot_id, placeholder)
    idle = found.get("inactive_since")
    return Slot(
        slot_id,
        placeholder,
        wal_status=found["wal_status"] or "lost",
        is_active=found["active"],
        idle_seconds=(now - datetime.fromisoformat(idle)).total_seconds() if idle else None,
        invalidation_reason=found.get("invalidation_reason"),
        confirmed_position=confirmed or 0,
        safe_bytes=found["safe_wal_size"],
        retained_bytes=max(0, retained or 0),
        unread_bytes=max(0, unread or 0),
        limit_bytes=limit_mib and limit_mib * MIB,
    )


def loss(slot: Slot | None) -> str | None:
    """Return in one line why changes are missing for good; None when none is."""
    if slot is None:
        return f"the shop's changes are not captured: start the capture ({START}), then run replicate_postgres_to_mysql"
    if slot.wal_status is None:
        return f"PostgreSQL has no replication slot {slot.slot_id} any more, so changes are lost: {HEAL}"
    if slot.wal_status == "lost" or slot.invalidation_reason:
        reason = slot.invalidation_reason or "wal_removed"
        return f"PostgreSQL has given up the replication slot {slot.slot_id} ({reason}), so changes are lost: {HEAL}"
    return None


def warning(slot: Slot) -> str | None:
    """Return in one line what is about to go wrong with a slot that has lost nothing so far."""
    room = slot.safe_bytes
    if room is not None and slot.limit_bytes and room < CLOSE_SHARE * slot.limit_bytes:
        return (
            f"the replication slot {slot.slot_id} keeps {slot.retained_bytes // MIB} MiB of PostgreSQL's log and is "
            f"lost after {max(0, room) // MIB} MiB more (POSTGRES_SLOT_KEEP_MIB): see the log of Kafka Connect"
        )
    if not slot.is_active and (slot.idle_seconds is None or slot.idle_seconds > IDLE_SECONDS):
        since = "" if slot.idle_seconds is None else f" for {slot.idle_seconds:.0f} s"
        return (
            f"no process has read the replication slot {slot.slot_id}{since}, and it keeps "
            f"{slot.retained_bytes // MIB} MiB of PostgreSQL's log: start the capture ({START}), or see the log of "
            "Kafka Connect"
        )
    return None
