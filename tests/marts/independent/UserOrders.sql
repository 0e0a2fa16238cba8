select
    u.user_id,
    (select count(*) from source.orders as o where o.user_id = u.user_id) as total_orders,
    (select coalesce(sum(o.total_amount), 0.00) from source.orders as o where o.user_id = u.user_id) as total_amount,
    (
        select o.order_date at time zone 'UTC'
        from source.orders as o
        where o.user_id = u.user_id
        order by o.order_date desc
        limit 1
    ) as last_order_date
from source.users as u
order by u.user_id
