"""The panels of the stream of changes: how far the replica is behind the shop, and the slot that it hangs on."""

from dashboards.panels import BYTES, RED, SECONDS, SHARE, YELLOW, Panel, number, stat, text
from dashboards.sources import MYSQL, POSTGRES
from dashboards.streaming import SLOW_SECONDS
from storeline.health import STUCK_SECONDS
from storeline.replica.applied import STREAM
from storeline.replica.slot import CLOSE_SHARE

# How far the slot is from being lost: 1 is lost, or not in PostgreSQL any more; 0 is without a limit.
USED_SHARE = 1 - CLOSE_SHARE
USED = """case
        when kept.wal_status is null or kept.wal_status = 'lost' then 1
        when kept.safe_wal_size is null then 0
        else greatest(0, 1 - kept.safe_wal_size / (1048576.0 * (
            select setting::bigint from pg_settings where name = 'max_slot_wal_keep_size'
        )))
    end::float"""
SLOT = """from ops.slots as made
left join pg_replication_slots as kept
    on kept.slot_name = made.slot_id and kept.slot_type = 'logical' and kept.database = current_database()
where made.retired_at is null"""
# While the capture is alive, at least its heartbeats arrive. The copy knows whether anything is captured.
BEHIND = f"""from ops.stream_positions
where stream = '{STREAM}' and exists (select 1 from ops.bases where slot_id is not null)"""
AGE = "max(timestampdiff(second, committed_at, utc_timestamp(6)))"

PANELS = (
    stat(
        "Latency of a change",
        "From the commit in PostgreSQL until readers of the replica see it: the last transaction.",
        MYSQL,
        f"""select max(timestampdiff(microsecond, committed_at, updated_at)) / 1000000 as latency
from ops.stream_positions
where stream = '{STREAM}'""",
        number("latency", SECONDS, (SLOW_SECONDS, YELLOW), (STUCK_SECONDS, RED)),
    ),
    stat(
        "Replica behind the shop",
        "Age of the last transaction applied; a capture that is alive sends one every five seconds.",
        MYSQL,
        f"select {AGE} as age\n{BEHIND}",
        number("age", SECONDS, (SLOW_SECONDS, YELLOW), (STUCK_SECONDS, RED)),
    ),
    stat(
        "Changes applied",
        "Rows that the stream has inserted, changed or deleted in the replica since its first run.",
        MYSQL,
        f"select max(changes) as changes\nfrom ops.stream_positions\nwhere stream = '{STREAM}'",
        number("changes"),
    ),
    stat(
        "Changes that the marts lack",
        "Applied to the replica since the marts were built; MARTS_FOLLOW_SECONDS says when that calls for a build.",
        MYSQL,
        "select max(changes_applied - changes_shown) as changes\nfrom ops.mart_freshness",
        number("changes"),
    ),
    Panel(
        "Replication slot",
        "The log that PostgreSQL keeps for the capture; when all of POSTGRES_SLOT_KEEP_MIB is used, changes are lost.",
        "table",
        POSTGRES,
        f"""select
    made.slot_id as slot,
    coalesce(kept.wal_status, 'missing') as wal_status,
    case when kept.active then 'yes' else 'no' end as is_read,
    pg_wal_lsn_diff(pg_current_wal_lsn(), kept.confirmed_flush_lsn)::bigint as to_capture,
    pg_wal_lsn_diff(pg_current_wal_lsn(), kept.restart_lsn)::bigint as log_kept,
    {USED} as used
{SLOT}""",
        (
            text("slot"),
            text("wal_status"),
            text("is_read"),
            number("to_capture", BYTES),
            number("log_kept", BYTES),
            number("used", SHARE, (USED_SHARE, YELLOW), (1.0, RED)),
        ),
        width=24,
        height=4,
    ),
)
