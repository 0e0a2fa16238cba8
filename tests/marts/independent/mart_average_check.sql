select distinct
    o.status,
    u.loyalty_status,
    round(avg(o.total_amount) over (partition by o.status, u.loyalty_status), 2) as average_check
from source.orders as o
join source.users as u using (user_id)
order by 1, 2
