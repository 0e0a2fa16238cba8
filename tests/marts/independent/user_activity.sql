select distinct
    o.user_id,
    u.first_name,
    u.last_name,
    o.status,
    count(*) over of_user_and_status as order_count,
    (sum(o.total_amount) over of_user_and_status)::numeric(14, 2) as total_spent
from source.orders as o
join source.users as u using (user_id)
window of_user_and_status as (partition by o.user_id, o.status)
order by 1, 4
