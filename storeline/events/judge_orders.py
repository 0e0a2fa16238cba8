"""How a batch's staged orders are judged: each gets its outcome, in one statement, before anything is written.

Most orders are new and come once, so what only the others need is looked up for them alone, by index.
"""

from storeline.events import outcomes

# What is decided about each staged order. Its content stays in `stage_orders`, so that less is sorted and written.
JUDGED = """create temporary table judged_orders (
    ordinal bigint, topic_id uuid, partition integer, "offset" bigint, produced_at timestamptz, event_id uuid,
    order_id uuid, order_version integer, is_retry boolean, is_repeat boolean, user_id bigint, known_order_id bigint,
    outcome text, reason text
) on commit delete rows"""


def _known_lines(order_id: str) -> str:
    """Return the query for an order's stored lines, in the form of an event's; null if it has none."""
    return f"""(
                    select jsonb_agg(
                        jsonb_build_object(
                            'line_number', line_number, 'product_id', product_id, 'quantity', quantity,
                            'price_per_unit', price_per_unit
                        )
                        order by line_number
                    )
                    from source.order_details where order_id = {order_id}
                )"""


JUDGE = f"""insert into judged_orders (
    ordinal, topic_id, partition, "offset", produced_at, event_id, order_id, order_version, is_retry, is_repeat,
    user_id, known_order_id, outcome, reason
)
with found as (
    select
        s.ordinal, coalesce(s.topic_id, o.topic_id) as topic_id, s.partition, s."offset", s.produced_at, s.event_id,
        s.order_id, s.order_version, s.user_email, s.topic_id is not null as is_retry,
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
        select s.ordinal, i.product_id from stage_orders as s, jsonb_to_recordset(s.lines) as i (product_id bigint)
        where s.ordinal >= %(first)s and s.ordinal < %(end)s
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
followed as (
    select *, first_value(ordinal) over (partition by order_id, is_complete order by ordinal) as first_ordinal
    from known
),
compared as materialized (
    select
        k.*,
        -- Most orders are new and come once: then there are no other lines to look up.
        k.is_complete and case
            when k.known_order_id is null and k.ordinal = k.first_ordinal then true
            else (select lines from stage_orders where ordinal = k.ordinal) = coalesce(
                {_known_lines("k.known_order_id")},
                (select lines from stage_orders where ordinal = k.first_ordinal)
            )
        end as is_candidate
    from followed as k
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
    ordinal, topic_id, partition, "offset", produced_at, event_id, order_id, order_version, is_retry, is_repeat,
    user_id, known_order_id,
    case
        when is_duplicate then 'duplicate'
        when not is_complete then 'parked'
        when not is_candidate then 'dead'
        when order_version > coalesce(greatest(known_version, earlier_version), 0) then 'landed'
        else 'superseded'
    end,
    case
        when is_duplicate then null
        when not is_complete then concat_ws(
            '; ', case when user_id is null then 'no user has the e-mail ' || user_email end,
            'no product has the id ' || products
        )
        when not is_candidate then 'the order''s lines are not those that it had before'
    end
from ranked"""

# A repeat of a dead event is not a duplicate but judged by itself: then fewer are judged together.
IS_DEPENDENT = """select exists (
    select from judged_orders as d join judged_orders as r using (event_id)
    where d.outcome = 'dead' and r.is_repeat
)"""
