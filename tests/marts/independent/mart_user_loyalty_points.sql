select
    u.user_id,
    u.first_name,
    u.last_name,
    u.loyalty_status,
    (
        select
            coalesce(sum(l.points) filter (where l.points > 0), 0)
            - coalesce(sum(-l.points) filter (where l.points < 0), 0)
        from source.loyalty_points as l
        where l.user_id = u.user_id
    ) as total_loyalty_points
from source.users as u
order by u.user_id
