"""How orders land in `source.orders` and `source.order_details`: by their own id, and the highest version wins.

An order whose user or product is missing is parked. An order's lines never change, so an event with other lines than
the stored ones is dead.
"""

from storeline.events import outcomes

JUDGED = """create temporary table judged_orders (
    like stage_orders, is_retry boolean, is_repeat boolean, user_id bigint, known_order_id bigint, outcome text,
    reason text
) on commit delete rows"""

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

JUDGE = f"""insert into judged_orders (
    ordinal, topic, topic_id, partition, "offset", produced_at, redriven_from, event_id, event_time, order_id,
    order_version, user_email, order_date, status, delivery_date, lines, key, value, is_retry, is_repeat, user_id,
    known_order_id, outcome, reason
)
with found as (
    select
        s.*, s.topic_id is not null as is_retry, coalesce(s.topic_id, o.topic_id) as id_of_topic,
        s.topic_id is null and (d.found is not null or e.found is not null) as is_known
    from stage_orders as s
    left join ops.stream_offsets as o on o.stream = %(stream)s and o.topic = s.topic and o.partition = s.partition
    {outcomes.REPEATED}
    where s.ordinal >= %(first)s and s.ordinal < %(end)s
),
repeated as (
    select
        *,
        not is_retry and not is_known
            and row_number() over (partition by event_id, is_known order by ordinal) > 1 as is_repeat
    from found
),
staged as (select *, is_known or is_repeat as is_duplicate from repeated),
missing as (
    select l.ordinal, string_agg(distinct l.product_id::text, ', ') as products
    from (
        select s.ordinal, i.product_id from staged as s, jsonb_to_recordset(s.lines) as i (product_id bigint)
    ) as l
    left join source.products as p using (product_id)
    where p.product_id is null
    group by l.ordinal
),
known as (
    select
        s.*, u.user_id, m.products, o.order_id as known_order_id, o.web_order_version as known_version,
        not s.is_duplicate and u.user_id is not null and m.products is null as is_complete
    from staged as s
    left join source.users as u on u.email = s.user_email
    left join source.orders as o on o.web_order_id = s.order_id
    left join missing as m using (ordinal)
),
known_lines as (
    select
        d.order_id,
        jsonb_agg(
            jsonb_build_object(
                'line_number', d.line_number, 'product_id', d.product_id, 'quantity', d.quantity,
                'price_per_unit', d.price_per_unit
            )
            order by d.line_number
        ) as lines
    from source.order_details as d
    where d.order_id in (select known_order_id from known where is_complete)
    group by d.order_id
),
compared as (
    select
        k.*,
        k.is_complete and k.lines = coalesce(
            l.lines, first_value(k.lines) over (partition by k.order_id, k.is_complete order by k.ordinal)
        ) as is_candidate
    from known as k left join known_lines as l on l.order_id = k.known_order_id
),
ranked as (
    select
        *,
        max(order_version) filter (where is_candidate) over (
            partition by order_id order by ordinal rows between unbounded preceding and 1 preceding
        ) as earlier_version
    from compared
)
select
    ordinal, topic, id_of_topic, partition, "offset", produced_at, redriven_from, event_id, event_time, order_id,
    order_version, user_email, order_date, status, delivery_date, lines, key, value, is_retry, is_repeat, user_id,
    known_order_id,
    case
        when is_duplicate then 'duplicate'
        when not is_complete then 'parked'
        when not is_candidate then 'dead'
        when order_version > coalesce(greatest(known_version, earlier_version), 0) then 'landed'
        else 'superseded'
    end,
    case
        when not is_complete then concat_ws(
            '; ', case when user_id is null then 'no user has the e-mail ' || user_email end,
            'no product has the id ' || products
        )
        else 'the order''s lines are not those that it had before'
    end
from ranked"""

# A repeat of a dead event is not a duplicate but judged by itself: then fewer are judged together.
IS_DEPENDENT = """select exists (
    select from judged_orders as d join judged_orders as r using (event_id)
    where d.outcome = 'dead' and r.is_repeat
)"""

WRITE = """with latest as (
    select distinct on (order_id) * from judged_orders where outcome = 'landed' order by order_id, order_version desc
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

RECORD = (
    outcomes.insert("judged_orders where not is_retry order by ordinal"),
    outcomes.change("judged_orders as r", "r.outcome", "r.is_retry and r.outcome <> 'parked'"),
    """delete from ops.parked_events as p using judged_orders as j
where j.is_retry and j.outcome <> 'parked' and p.topic_id = j.topic_id and p.partition = j.partition
    and p."offset" = j."offset" """,
    """insert into ops.parked_events (
    topic_id, partition, "offset", event_id, redriven_from, reason, produced_at, waits_from_seconds, order_id,
    order_version, user_email, order_date, status, delivery_date, lines, key, value
)
select
    topic_id, partition, "offset", event_id, redriven_from, reason, produced_at,
    (select caught_up_seconds from ops.streams where stream = %(stream)s), order_id,
    order_version, user_email, order_date, status, delivery_date, lines, key, value
from judged_orders where outcome = 'parked' and not is_retry order by ordinal""",
    outcomes.insert_letters("judged_orders as r where outcome = 'dead' order by ordinal", "'lines_changed'", "reason"),
    "delete from judged_orders",
)
LAND = (JUDGE, IS_DEPENDENT, WRITE, *RECORD)

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
