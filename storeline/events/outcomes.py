"""Every write to `ops.events` and `ops.dead_letters`, most of them as parts of the statements that land events.

Each offset has one row in `ops.events`; a dead event also has one in `ops.dead_letters`.
"""

# What a staged event `s` repeats: `e`, an event with its id that counted; `d`, a dead letter that was sent again twice.
REPEATED = """left join lateral (
        select true as found from ops.events
        where event_id = s.event_id and outcome in ('landed', 'superseded', 'parked') limit 1
    ) as e on true
    left join lateral (
        select true as found from ops.dead_letters where redriven_from = s.redriven_from limit 1
    ) as d on true"""
# The dead letter from which `r`, now dead, was sent again; a letter fails again only once.
ORIGIN = """(
    select d.dead_letter_id from ops.dead_letters as d
    where d.dead_letter_id = r.redriven_from
        and not exists (select from ops.dead_letters as c where c.redriven_from = d.dead_letter_id)
)"""
MARK_COPIED = "update ops.dead_letters set copied_at = clock_timestamp() where dead_letter_id = any(%s)"
MARK_REDRIVEN = "update ops.dead_letters set redriven_at = clock_timestamp() where dead_letter_id = any(%s)"


def insert(rows: str, outcome: str = "outcome", topic_id: str = "topic_id") -> str:
    """Return the statement that writes the outcome of each row; `rows` is a FROM item and what follows it."""
    return f"""insert into ops.events as e (topic_id, partition, "offset", event_id, outcome, produced_at)
select {topic_id}, partition, "offset", event_id, {outcome}, produced_at from {rows}"""


def change(rows: str, outcome: str, condition: str = "true") -> str:
    """Return the statement that changes the outcome of parked rows; `rows` is a FROM item named `r`."""
    return f"""update ops.events as e set outcome = {outcome}, decided_at = clock_timestamp()
from {rows}
where {condition} and e.topic_id = r.topic_id and e.partition = r.partition and e."offset" = r."offset" """


def insert_letters(
    rows: str, error_class: str, reason: str, topic: str = "r.topic", topic_id: str = "r.topic_id"
) -> str:
    """Return the statement that writes the dead letters of rows staged as text; `rows` names them `r`."""
    return f"""insert into ops.dead_letters (
    topic, topic_id, partition, "offset", event_id, error_class, reason, key, value, produced_at, redriven_from
)
select
    {topic}, {topic_id}, r.partition, r."offset", r.event_id, {error_class}, {reason}, convert_to(r.key, 'UTF8'),
    convert_to(r.value, 'UTF8'), r.produced_at, {ORIGIN}
from {rows}"""


# The events that were dead on arrival, whose bytes may not be text. One that was sent again twice, because its sender
# was killed, fails again only once.
LAND_DEAD = f"""with staged as (
    select
        s.*, o.topic_id, d.dead_letter_id as origin,
        d.dead_letter_id is not null and (
            row_number() over (partition by d.dead_letter_id order by s.ordinal) > 1
            or exists (select from ops.dead_letters as c where c.redriven_from = d.dead_letter_id)
        ) as is_duplicate
    from stage_dead as s
    join ops.stream_offsets as o on o.stream = %(stream)s and o.topic = s.topic and o.partition = s.partition
    left join ops.dead_letters as d on d.dead_letter_id = s.redriven_from and d.topic = s.topic
),
written as (
    insert into ops.dead_letters (
        topic, topic_id, partition, "offset", event_id, error_class, reason, key, value, produced_at, redriven_from
    )
    select
        topic, topic_id, partition, "offset", event_id, error_class, reason, key, value, produced_at, origin
    from staged where not is_duplicate order by ordinal
)
{insert("staged order by ordinal", "case when is_duplicate then 'duplicate' else 'dead' end")}"""


def refuse(table: str) -> str:
    """Return the statement that makes a dead letter of a staged or parked event that PostgreSQL refused."""
    return f"""with refused as (
    select s.*, coalesce(s.topic_id, o.topic_id) as id_of_topic
    from {table} as s
    left join ops.stream_offsets as o on o.stream = %(stream)s and o.topic = s.topic and o.partition = s.partition
    where s.ordinal = %(ordinal)s
),
freed as (
    delete from ops.parked_events as p using refused as r
    where p.topic_id = r.topic_id and p.partition = r.partition and p."offset" = r."offset"
),
written as (
    {insert_letters("refused as r", "'refused'", "%(reason)s", topic_id="r.id_of_topic")}
)
{insert("refused", "'dead'", "id_of_topic")}
on conflict (topic_id, partition, "offset") do update set outcome = 'dead', decided_at = clock_timestamp()"""
