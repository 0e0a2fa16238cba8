"""How orders land in `source.orders` and `source.order_details`: by their own id, and the highest version wins.

An order whose user or product is missing is parked. An order's lines never change, so an event with other lines than
the stored ones is dead.
"""

from storeline.events import outcomes
from storeline.events.judge_orders import IS_DEPENDENT, JUDGE

_IS_COMPLETE = """exists (select from source.users as u where u.email = p.user_email)
    and not exists (
        select from jsonb_to_recordset(p.lines) as l (product_id bigint)
        left join source.products as r using (product_id) where r.product_id is null
    )"""

# Parked events bring their topic id; it may belong to a topic that no longer exists.
STAGE_PARKED = f"""insert into stage_orders (
    topic, topic_id, partition, "offset", produced_at, redriven_from, event_id, order_id, order_version,
    user_email, order_date, status, delivery_date, lines, key, value
)
select
    t.topic, p.topic_id, p.partition, p."offset", p.produced_at, p.redriven_from, p.event_id, p.order_id,
    p.order_version, p.user_email, p.order_date, p.status, p.delivery_date, p.lines, p.key, p.value
from ops.parked_events as p join ops.stream_topics as t using (topic_id)
where {_IS_COMPLETE}
order by p.parked_at, p.topic_id, p.partition, p."offset" limit %(most)s"""


WRITE = """with latest as materialized (
    select distinct on (j.order_id)
        j.ordinal, j.order_id, j.order_version, j.user_id, j.known_order_id, s.order_date, s.status, s.delivery_date,
        s.lines
    from judged_orders as j join stage_orders as s using (ordinal)
    where j.outcome = 'landed'
    order by j.order_id, j.order_version desc
),
inserted as (
    insert into source.orders (
        user_id, order_date, total_amount, status, delivery_date, web_order_id, web_order_version
    )
    select
        user_id, order_date,
        (
            select sum(l.quantity * l.price_per_unit)
            from jsonb_to_recordset(lines) as l (quantity integer, price_per_unit numeric)
        ),
        status, delivery_date, order_id, order_version
    from latest where known_order_id is null order by ordinal
    returning order_id, web_order_id
),
inserted_lines as (
    insert into source.order_details (order_id, line_number, product_id, quantity, price_per_unit, total_price)
    select i.order_id, l.line_number, l.product_id, l.quantity, l.price_per_unit, l.quantity * l.price_per_unit
    from inserted as i
    join latest on latest.order_id = i.web_order_id
    cross join jsonb_to_recordset(latest.lines)
        as l (line_number integer, product_id bigint, quantity integer, price_per_unit numeric)
    order by i.order_id, l.line_number
)
update source.orders as o set
    user_id = latest.user_id, order_date = latest.order_date, status = latest.status,
    delivery_date = latest.delivery_date, web_order_version = latest.order_version
from latest
where o.order_id = latest.known_order_id"""

# The judged orders of an outcome, with the content of their events.
_SAYING = """(
    select
        s.topic, j.topic_id, j.partition, j."offset", j.event_id, j.produced_at, j.reason, j.ordinal, j.is_retry,
        s.redriven_from, s.order_id, s.order_version, s.user_email, s.order_date, s.status, s.delivery_date, s.lines,
        s.key, s.value
    from judged_orders as j join stage_orders as s using (ordinal)
    where j.outcome = '{outcome}'
) as r"""
RECORD = (
    outcomes.insert("judged_orders where not is_retry order by ordinal"),
    outcomes.change("judged_orders as r", "r.outcome", "r.is_retry and r.outcome <> 'parked'"),
    """delete from ops.parked_events as p using judged_orders as j
where j.is_retry and j.outcome <> 'parked' and p.topic_id = j.topic_id and p.partition = j.partition
    and p."offset" = j."offset" """,
    f"""insert into ops.parked_events (
    topic_id, partition, "offset", event_id, redriven_from, reason, produced_at, waits_from_seconds, order_id,
    order_version, user_email, order_date, status, delivery_date, lines, key, value
)
select
    topic_id, partition, "offset", event_id, redriven_from, reason, produced_at,
    (select caught_up_seconds from ops.streams where stream = %(stream)s), order_id,
    order_version, user_email, order_date, status, delivery_date, lines, key, value
from {_SAYING.format(outcome="parked")} where not is_retry order by ordinal""",
    outcomes.insert_letters(f"{_SAYING.format(outcome='dead')} order by ordinal", "'lines_changed'", "reason"),
)
# Those judged earlier in the same transaction; most have none. The last ones are deleted on commit.
FORGET = "delete from judged_orders"
LAND = (FORGET, JUDGE, IS_DEPENDENT, WRITE, *RECORD)

# Orders that waited too long, whatever is missing. Only time in which the stream was caught up counts.
EXPIRED = f"""select p.topic_id::text, p.partition, p."offset"
from ops.parked_events as p
where p.waits_from_seconds < (select caught_up_seconds - %(seconds)s from ops.streams where stream = %(stream)s)
    and not ({_IS_COMPLETE})
order by p.parked_at, p.topic_id, p.partition, p."offset" limit %(most)s"""

_EXPIRED_ROWS = """expired as r join ops.stream_topics as t using (topic_id)
order by r.parked_at, r.partition, r."offset" """
_WAITED = "'waited ' || %(seconds)s || ' s: ' || r.reason"
EXPIRE = f"""with expired as (
    delete from ops.parked_events as p
    using unnest(%(topic_ids)s::uuid[], %(partitions)s::integer[], %(offsets)s::bigint[])
        as w (topic_id, partition, "offset")
    where p.topic_id = w.topic_id and p.partition = w.partition and p."offset" = w."offset"
    returning p.*
),
updated as (
    {outcomes.change("expired as r", "'dead'")}
)
{outcomes.insert_letters(_EXPIRED_ROWS, "'never_arrived'", _WAITED, topic="t.topic")}"""
