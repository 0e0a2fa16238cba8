"""How registrations land in `source.users`: by e-mail, and the latest registration wins.

A registration older than the one that the shop holds is superseded, whatever the order of arrival.
"""

from storeline.events import outcomes

LAND = (
    f"""with staged as (
    select
        s.ordinal, s.partition, s."offset", s.produced_at, s.event_id, s.first_name, s.last_name, s.email, s.phone,
        s.registration_date, s.loyalty_status, o.topic_id as id_of_topic,
        d.found is not null or e.found is not null
        -- One that failed again before does not count, so the next one with its event_id is the first.
        or row_number() over (partition by s.event_id, d.found order by s.ordinal) > 1 as is_duplicate
    from stage_users_data as s
    join ops.stream_offsets as o on o.stream = %(stream)s and o.topic = s.topic and o.partition = s.partition
    {outcomes.REPEATED}
    where s.ordinal >= %(first)s and s.ordinal < %(end)s
),
known as (
    select
        s.*, u.registration_date as known_date,
        max(s.registration_date) filter (where not s.is_duplicate) over (
            partition by s.email order by s.ordinal rows between unbounded preceding and 1 preceding
        ) as earlier_date
    from staged as s left join source.users as u on u.email = s.email
),
decided as (
    select
        *,
        case
            when is_duplicate then 'duplicate'
            when registration_date > coalesce(greatest(known_date, earlier_date), '-infinity') then 'landed'
            else 'superseded'
        end as outcome
    from known
),
latest as (
    select distinct on (email) * from decided where outcome = 'landed' order by email, registration_date desc
),
written as (
    insert into source.users as u (first_name, last_name, email, phone, registration_date, loyalty_status)
    select first_name, last_name, email, phone, registration_date, loyalty_status from latest order by ordinal
    on conflict (email) do update set
        first_name = excluded.first_name, last_name = excluded.last_name, phone = excluded.phone,
        registration_date = excluded.registration_date, loyalty_status = excluded.loyalty_status
    where u.registration_date < excluded.registration_date
)
{outcomes.insert("decided order by ordinal", topic_id="id_of_topic")}""",
)
